package duet.train;

import java.nio.file.Path;

import duet.data.Split;
import duet.device.Backend;
import duet.net.Network;
import duet.plan.Placement;

/** Trains a network. Owns neither the backend nor the data. */
public final class Trainer implements AutoCloseable {
    private Trainer() {}

    /** How training ended. */
    public enum End { COMPLETED, STOPPED }

    /**
     * @param end        whether all steps were done or {@link #requestStop} came first
     * @param validation the last validation, or null if there was none
     * @param checkpoint the last checkpoint, or null without an output folder
     */
    public record Result(End end, long steps, Metrics validation, Path checkpoint) {}

    /** A new training. The output folder must be empty or not exist. */
    public static Trainer create(Network network, Placement placement, Backend backend, Split data, TrainingOptions options) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** Goes on exactly where the checkpoint left off; the options that change the course of training come from the checkpoint. */
    public static Trainer resume(Checkpoint checkpoint, Placement placement, Backend backend, Split data, TrainingOptions options) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** Trains to the end, or until {@link #requestStop}; then a checkpoint is written. */
    public Result train(TrainingListener listener) {
        throw new IllegalStateException("replaced by the train package");
    }

    /** From any thread: finish the step, write a checkpoint, return. */
    public void requestStop() {
        throw new IllegalStateException("replaced by the train package");
    }

    /** The model as it is now. */
    public Checkpoint snapshot() {
        throw new IllegalStateException("replaced by the train package");
    }

    @Override
    public void close() {
        throw new IllegalStateException("replaced by the train package");
    }
}
