package duet.train;

import java.util.BitSet;
import java.util.List;

import duet.data.Batch;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.net.Shape;
import duet.plan.Plan;

/** A plan's program with the host's arrays for what goes in and comes out; made once, used for every batch. */
public final class LoadedPlan {
    private final Plan plan;
    private final Program program;
    private final LaneTransfer lanes;
    private final float[] losses;
    private final int[] ranks;
    private final float[] probabilities;
    private final int[] status;
    /** Of each lane, also where it has results of several rounds. */
    private final List<Tensor> states;
    private int present;
    private double lossSum;
    private int top1;
    private int top5;
    private boolean staged;

    LoadedPlan(Plan plan, Program program) {
        this.plan = plan;
        this.program = program;
        lanes = new LaneTransfer(plan, program);
        losses = new float[plan.batch()];
        ranks = new int[plan.batch()];
        probabilities = plan.outputs().getFirst().probabilities() == null ? null
                : new float[Math.multiplyExact(plan.batch(), plan.network().classes())];
        status = new int[plan.checkedLayers().size()];
        states = status.length == 0 ? List.of() : plan.outputs().stream().map(Plan.Outputs::status).distinct().toList();
    }

    Plan plan() {
        return plan;
    }

    Program program() {
        return program;
    }

    /** The places of a batch that it reads. */
    BitSet places() {
        return lanes.places();
    }

    void run(Batch batch, RunParameters parameters) {
        start(batch, parameters);
        finish();
    }

    /** Hands over the batch of the next run, also while one goes on; no other program of the session may run before that one. */
    void stage(Batch batch) {
        lanes.write(batch);
        staged = true;
    }

    /** Whether the next run's batch has been handed over. */
    boolean staged() {
        return staged;
    }

    /** The batch that was handed over will not be used. */
    void unstage() {
        staged = false;
    }

    /** @param batch used unless one is staged; then it may be null */
    void start(Batch batch, RunParameters parameters) {
        if (!staged) {
            stage(batch);
        }
        staged = false;
        program.start(parameters);
    }

    /** Waits for the run and takes its results. */
    void finish() {
        lanes.losses(losses);
        lanes.ranks(ranks);
        count();
    }

    private void count() {
        present = 0;
        lossSum = 0;
        top1 = 0;
        top5 = 0;
        for (int i = 0; i < ranks.length; i++) {
            if (ranks[i] >= 0) {
                present++;
                lossSum += losses[i];
                top1 += ranks[i] == 0 ? 1 : 0;
                top5 += ranks[i] < 5 ? 1 : 0;
            }
        }
    }

    /** {@return how many images of the batch were there} */
    public int present() {
        return present;
    }

    /** Over the images that were there, in nats. */
    double lossSum() {
        return lossSum;
    }

    /** {@return how many images have a label with the largest probability} */
    public int top1() {
        return top1;
    }

    /** Images whose label is among the five most probable. */
    int top5() {
        return top5;
    }

    /** @param features [batch][channels][height][width] of the projected layer */
    void setFeatures(float[] features) {
        plan.inputs().forEach(inputs -> program.write(inputs.features(), features));
    }

    /**
     * {@return what a requested layer has made in the last run, [batch][channels][height][width], put together from all devices}
     *
     * @param name of the layer
     */
    public float[] layer(String name) {
        Shape shape = plan.network().shape(name);
        float[] whole = new float[Math.multiplyExact(plan.batch(), Math.toIntExact(shape.elements()))];
        for (Plan.Outputs outputs : plan.outputs()) {
            for (Plan.Piece piece : outputs.layers().getOrDefault(name, List.of())) {
                float[] values = new float[Math.toIntExact(piece.tensor().elements())];
                program.read(piece.tensor(), values);
                place(piece, values, shape, whole);
            }
        }
        return whole;
    }

    private static void place(Plan.Piece piece, float[] values, Shape shape, float[] whole) {
        Tensor part = piece.tensor();
        int run = part.height() * part.width();
        for (int n = 0; n < part.batch(); n++) {
            for (int c = 0; c < part.channels(); c++) {
                int map = (piece.firstImage() + n) * shape.channels() + piece.firstChannel() + c;
                System.arraycopy(values, (n * part.channels() + c) * run, whole,
                        (map * shape.height() + piece.firstRow()) * shape.width(), run);
            }
        }
    }

    /** {@return the image that the features of the last run project to, [batch][channels][height][width]} */
    public float[] projection() {
        Tensor image = plan.outputs().getFirst().projection();
        float[] values = new float[Math.toIntExact(image.elements())];
        program.read(image, values);
        return values;
    }

    /** {@return the loss of each image, in nats; valid until the next run} */
    public float[] losses() {
        return losses;
    }

    /** {@return for each image how many classes came before its label, -1 for an absent one; valid until the next run} */
    public int[] ranks() {
        return ranks;
    }

    /** {@return the probabilities of an evaluation, [batch][classes]; valid until the next run} */
    public float[] probabilities() {
        lanes.probabilities(probabilities);
        return probabilities;
    }

    /** {@return the first layer, in network order, that has made a NaN or an infinity on any device; null if all is well} */
    public String notFinite() {
        int first = status.length;
        for (Tensor tensor : states) {
            program.read(tensor, status);
            for (int i = 0; i < first; i++) {
                if (status[i] != 0) {
                    first = i;
                }
            }
        }
        if (first < status.length) {
            return plan.checkedLayers().get(first);
        }
        return Double.isFinite(lossSum) ? null : plan.network().layers().getLast().name();
    }
}
