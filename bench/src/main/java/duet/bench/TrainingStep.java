package duet.bench;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A training step of a named network on random data, without anything around it: no loader, no metrics. The whole step is there
 * (dropout, loss, gradients, momentum, decay), and all numbers stay finite because the learning rate is small.
 */
public final class TrainingStep implements AutoCloseable {
    private static final int CLASSES = 1000;
    /** Uniform within this has the paper's deviation of 0.01. */
    private static final float RANGE = 0.0173f;

    private final Backend backend;
    private final Plan plan;
    private final Program program;
    private final byte[] images;
    private final int[] crops;
    private final int[] labels;
    private final float[] losses;
    private final float[] rates;
    private final float[] decays;
    private long step;

    /** @param devices as for {@link Backends#open}; two of them hold a tower each */
    public TrainingStep(String network, int batch, String devices) {
        backend = Backends.open(devices, 0);
        try {
            Network net = Networks.create(network, network.equals("alexnet") ? 3 : 1, network.equals("alexnet") ? CLASSES : 10);
            Shape input = net.input();
            Placement placement = backend.devices().size() == 2 ? Placement.TWO_TOWERS : Placement.ONE_DEVICE;
            plan = Planner.plan(net, placement, Mode.TRAINING, batch, new Planner.Shapes(input.height(), input.width()), true, backend);
            program = backend.load(plan.streams(), plan.regions(), backend.allocate(array(plan.persistentBytes())),
                    backend.allocateScratch(array(plan.transientBytes())));
            SplittableRandom random = new SplittableRandom(1);
            images = new byte[Math.toIntExact(batch * input.elements())];
            random.nextBytes(images);
            crops = new int[3 * batch];
            labels = random.ints(batch, 0, net.classes()).toArray();
            losses = new float[batch];
            rates = new float[plan.parameters().size()];
            decays = new float[rates.length];
            Arrays.fill(rates, 1e-5f);
            Arrays.fill(decays, 5e-4f);
            plan.parameters().stream().filter(parameter -> !parameter.bias()).flatMap(parameter -> parameter.parts().stream())
                    .forEach(part -> program.write(part.tensor(), uniform(part.tensor(), random)));
            write();
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }

    private static long[] array(List<Long> bytes) {
        return bytes.stream().mapToLong(Long::longValue).toArray();
    }

    private static float[] uniform(Tensor tensor, SplittableRandom random) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat(-RANGE, RANGE);
        }
        return values;
    }

    /** Hands over the batch, as a loader would before each step. Without it the next step uses the last one, which is on the device. */
    public void write() {
        for (Plan.Inputs inputs : plan.inputs()) {
            program.write(inputs.images(), images);
            program.write(inputs.crops(), crops);
            program.write(inputs.labels(), labels);
        }
    }

    public void start() {
        program.start(new RunParameters(1, step++, rates, decays, 0.9f));
    }

    /** Waits for the step; the mean loss of its images. */
    public double finish() {
        program.read(plan.outputs().getFirst().losses(), losses);
        double sum = 0;
        for (float loss : losses) sum += loss;
        return sum / losses.length;
    }

    /** What the devices are. */
    public String description() {
        return backend.description();
    }

    @Override
    public void close() {
        backend.close();
    }
}
