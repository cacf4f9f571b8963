package duet.bench;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.train.FixedBatch;

/** A training step of a named network on random data, on devices of its own; two of them hold a tower each. */
public final class TrainingStep implements AutoCloseable {
    private final Backend backend;
    private final FixedBatch batch;

    /** @param devices as for {@link Backends#open} */
    public TrainingStep(String network, int batch, String devices, CpuOptions options) {
        Network net = Networks.create(network);
        backend = Backends.open(devices, options);
        try {
            Placement placement = backend.devices().size() == 2 ? Placement.TWO_TOWERS : Placement.ONE_DEVICE;
            this.batch = new FixedBatch(net, placement, Mode.TRAINING, batch, backend);
        } catch (RuntimeException | Error e) {
            backend.close();
            throw e;
        }
    }

    /** Hands over the batch, as a loader would before each step. */
    public void write() {
        batch.write();
    }

    public void start() {
        batch.start();
    }

    /** Waits for the step; the mean loss of its images. */
    public double finish() {
        return batch.finish();
    }

    /** What the devices are. */
    public String description() {
        return backend.description();
    }

    @Override
    public void close() {
        batch.close();
        backend.close();
    }
}
