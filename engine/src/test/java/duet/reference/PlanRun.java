package duet.reference;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.IntStream;

import duet.device.Backend;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Storage;
import duet.device.Tensor;
import duet.net.Layer;
import duet.net.Node;
import duet.plan.Plan;
import duet.plan.Plan.Parameter;
import duet.plan.Plan.Part;
import duet.plan.Range;

/** A plan loaded into a backend, with whole parameters in canonical order; in full precision on the reference backend. */
public final class PlanRun implements AutoCloseable {
    private final Plan plan;
    private final Program program;
    private final List<AutoCloseable> owned = new ArrayList<>();

    /** @param program of the plan; with this it is closed */
    public PlanRun(Plan plan, Program program) {
        this.plan = plan;
        this.program = program;
        owned.add(program);
    }

    PlanRun(Plan plan, Backend backend) {
        this.plan = plan;
        Storage persistent = backend.allocate(plan.persistentBytes().stream().mapToLong(Long::longValue).toArray());
        Storage scratch = backend.allocateScratch(plan.transientBytes().stream().mapToLong(Long::longValue).toArray());
        program = backend.load(plan.streams(), plan.regions(), persistent, scratch);
        owned.addAll(List.of(program, persistent, scratch));
    }

    Parameter parameter(String name) {
        return plan.parameters().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
    }

    public void write(Parameter parameter, double[] whole) {
        for (Part part : parameter.parts()) {
            double[] values = new double[(int) part.tensor().elements()];
            copyRows(parameter, part, whole, values, true);
            write(part.tensor(), values);
        }
    }

    public double[] weights(Parameter parameter) {
        return whole(parameter, false);
    }

    public double[] momentum(Parameter parameter) {
        return whole(parameter, true);
    }

    private double[] whole(Parameter parameter, boolean momentum) {
        double[] whole = new double[parameter.elements()];
        for (Part part : momentum ? parameter.momentum() : parameter.parts()) {
            double[] values = read(part.tensor());
            copyRows(parameter, part, whole, values, false);
        }
        return whole;
    }

    /** Row by row of outputs between the whole [out][in][kh][kw] (or [out]) and a part of its outputs and inputs. */
    private static void copyRows(Parameter parameter, Part part, double[] whole, double[] values, boolean toPart) {
        Tensor t = part.tensor();
        boolean vector = t.format() == Tensor.Format.VECTOR;
        int rows = vector ? t.channels() : t.batch();
        int row = values.length / rows;
        int wholeRow = parameter.elements() / parameter.sizes().getFirst();
        for (int i = 0; i < rows; i++) {
            int at = (part.firstOutput() + i) * wholeRow + (vector ? 0 : part.firstInput() * t.height() * t.width());
            if (toPart) {
                System.arraycopy(whole, at, values, i * row, row);
            } else {
                System.arraycopy(values, i * row, whole, at, row);
            }
        }
    }

    /** Writes one batch to every lane. */
    public void feed(byte[] images, int[] crops, int[] labels, float[] mean) {
        int size = images.length / plan.batch();
        for (Plan.Inputs inputs : plan.inputs()) {
            byte[] own = new byte[inputs.images().batch() * size];
            int[] ownCrops = new int[inputs.images().batch() * 3];
            int place = 0;
            for (Range run : inputs.runs()) {
                System.arraycopy(images, run.first() * size, own, place * size, run.count() * size);
                System.arraycopy(crops, run.first() * 3, ownCrops, place * 3, run.count() * 3);
                place += run.count();
            }
            program.write(inputs.images(), own);
            program.write(inputs.crops(), ownCrops);
            program.write(inputs.labels(), Arrays.copyOfRange(labels, inputs.firstLabel(), inputs.firstLabel() + inputs.labels().batch()));
            program.write(inputs.mean(), mean);
        }
    }

    public void run(RunParameters parameters) {
        program.run(parameters);
    }

    /** Of the whole batch; lanes that know the same images have the same bits. */
    public double[] losses() {
        return ofBatch(Plan.Outputs::losses);
    }

    /** The losses of the batch that are trained on: with those of auxiliary classifiers, times their weights. */
    double[] weightedLosses() {
        double[] sum = losses();
        List<Node> losses = plan.network().losses();
        for (int i = 0; i + 1 < losses.size(); i++) {
            int index = i;
            double[] own = ofBatch(outputs -> outputs.auxiliary().get(index));
            double weight = ((Layer.SoftmaxCrossEntropy) losses.get(i).layer()).weight();
            for (int n = 0; n < sum.length; n++) {
                sum[n] += weight * own[n];
            }
        }
        return sum;
    }

    private double[] ofBatch(Function<Plan.Outputs, Tensor> which) {
        double[] whole = new double[plan.batch()];
        Arrays.fill(whole, Double.NaN);
        for (Plan.Outputs outputs : plan.outputs()) {
            double[] own = read(which.apply(outputs));
            for (int i = 0; i < own.length; i++) {
                int image = outputs.firstImage() + i;
                assertTrue(Double.isNaN(whole[image]) || whole[image] == own[i], "every lane knows the same losses");
                whole[image] = own[i];
            }
        }
        return whole;
    }

    int[] ranks() {
        int[] whole = new int[plan.batch()];
        for (Plan.Outputs outputs : plan.outputs()) {
            int[] own = integers(outputs.ranks());
            System.arraycopy(own, 0, whole, outputs.firstImage(), own.length);
        }
        return whole;
    }

    /** How many checks on any lane have found what is not finite. */
    public int notFinite() {
        return plan.outputs().stream().map(Plan.Outputs::status).filter(Objects::nonNull)
                .mapToInt(status -> IntStream.of(integers(status)).sum()).sum();
    }

    private int[] integers(Tensor tensor) {
        int[] values = new int[(int) tensor.elements()];
        program.read(tensor, values);
        return values;
    }

    /** In canonical order. */
    public double[] read(Tensor tensor) {
        double[] values = new double[(int) tensor.elements()];
        if (program instanceof ReferenceProgram reference) {
            reference.read(tensor, values);
            return values;
        }
        float[] floats = new float[values.length];
        program.read(tensor, floats);
        return Trial.doubles(floats);
    }

    private void write(Tensor tensor, double[] values) {
        if (program instanceof ReferenceProgram reference) {
            reference.write(tensor, values);
            return;
        }
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        program.write(tensor, floats);
    }

    /** The rates of a training step: biases learn at twice the rate and do not decay, as in the paper's code. */
    static RunParameters parameters(Plan plan, long seed, long step, float rate, float decay, float momentum) {
        float[] rates = new float[plan.parameters().size()];
        float[] decays = new float[plan.parameters().size()];
        for (int i = 0; i < rates.length; i++) {
            boolean bias = plan.parameters().get(i).bias();
            rates[i] = bias ? 2 * rate : rate;
            decays[i] = bias ? 0 : decay;
        }
        return new RunParameters(seed, step, rates, decays, momentum);
    }

    @Override
    public void close() {
        for (AutoCloseable resource : owned) {
            try {
                resource.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
