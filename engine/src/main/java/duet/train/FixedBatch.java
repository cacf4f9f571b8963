package duet.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.data.Batch;
import duet.device.Backend;
import duet.device.Program;
import duet.device.RunParameters;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;

/**
 * A network that runs on one batch of random images again and again, to be measured: whole training steps (dropout, loss, gradients,
 * momentum, decay) or the forward pass, with nothing around them: no loader, no metrics. The learning rate is so small that all numbers
 * stay finite.
 */
public final class FixedBatch implements AutoCloseable {
    private static final long SEED = 1;
    private static final float RATE = 1e-5f;
    private static final float DECAY = 5e-4f;
    private static final float MOMENTUM = 0.9f;
    private static final float MIDDLE_GREY = 127.5f;

    private final Plan plan;
    private final List<AutoCloseable> owned = new ArrayList<>();
    private final Program program;
    private final LaneTransfer lanes;
    private final Batch images;
    private final float[] losses;
    private final float[] rates;
    private final float[] decays;
    private long step;

    /**
     * Makes a network with its first weights, a random batch and the programs to run it.
     *
     * @param network   what to compute
     * @param placement where
     * @param mode      to train or to evaluate
     * @param batch     images of a run
     * @param backend   stays open
     */
    public FixedBatch(Network network, Placement placement, Mode mode, int batch, Backend backend) {
        Shape input = network.input();
        plan = Planner.plan(network, placement, mode, batch, new StoredImages(input.height(), input.width()), true, backend);
        program = load(backend);
        lanes = new LaneTransfer(plan, program);
        SplittableRandom random = new SplittableRandom(SEED);
        byte[] levels = Batch.room(batch, input);
        random.nextBytes(levels);
        images = new Batch(0, levels, new int[3 * batch], random.ints(batch, 0, network.classes()).toArray(), batch);
        losses = new float[batch];
        rates = new float[plan.parameters().size()];
        decays = new float[rates.length];
        Arrays.fill(rates, RATE);
        Arrays.fill(decays, DECAY);
        PartedParameters parts = new PartedParameters(plan.parameters(), program);
        List<ParameterShape> shapes = network.parameters();
        for (int i = 0; i < shapes.size(); i++) {
            parts.write(i, false, shapes.get(i).initial(SEED, i));
        }
        float[] mean = new float[Math.toIntExact(input.elements())];
        Arrays.fill(mean, MIDDLE_GREY);
        plan.inputs().forEach(inputs -> program.write(inputs.mean(), mean));
        write();
    }

    private Program load(Backend backend) {
        try {
            return own(backend.load(plan.streams(), plan.regions(), own(backend.allocate(array(plan.persistentBytes()))),
                    own(backend.allocateScratch(array(plan.transientBytes())))));
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    private static long[] array(List<Long> bytes) {
        return bytes.stream().mapToLong(Long::longValue).toArray();
    }

    /** {@return the plan that is run} */
    public Plan plan() {
        return plan;
    }

    /** {@return the memory of all devices in bytes: parameters, momentum, activations, workspaces, prepared filters} */
    public long bytes() {
        return IntStream.range(0, plan.persistentBytes().size()).mapToLong(plan::bytes).sum();
    }

    /** Hands over the batch, as a loader would before each step. Without it the next step uses the last one, which is on the device. */
    public void write() {
        lanes.write(images);
    }

    /** May return before the step ends, see {@link Program#start}. */
    public void start() {
        program.start(new RunParameters(SEED, step++, rates, decays, MOMENTUM));
    }

    /**
     * Waits for the step that was started.
     *
     * @return the mean loss of its images, in nats
     */
    public double finish() {
        lanes.losses(losses);
        double sum = 0;
        for (float loss : losses) {
            sum += loss;
        }
        return sum / losses.length;
    }

    /**
     * Runs steps, one after the other.
     *
     * @param steps how many
     * @return the mean loss of the last, in nats
     */
    public double run(int steps) {
        for (int i = 0; i < steps; i++) {
            start();
        }
        return finish();
    }

    @Override
    public void close() {
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        owned.clear();
    }
}
