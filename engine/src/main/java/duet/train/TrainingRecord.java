package duet.train;

import java.nio.file.Path;

import duet.data.Dataset;
import duet.device.RankLostException;
import duet.train.output.CheckpointFile;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.output.TrainingOutput;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingState;

/** What is kept and told of a training: first to its output folder, where there is one, then to a listener. */
final class TrainingRecord implements AutoCloseable {
    /** null: nothing is written. */
    private final TrainingOutput output;

    TrainingRecord(TrainingOutput output) {
        this.output = output;
    }

    /** null without an output folder, or before the first. */
    Path lastCheckpoint() {
        return output == null ? null : output.lastCheckpoint();
    }

    void step(Metrics metrics, TrainingListener listener) {
        write(metrics);
        listener.step(metrics);
    }

    void validated(Metrics metrics, TrainingListener listener) {
        write(metrics);
        listener.validated(metrics);
    }

    private void write(Metrics metrics) {
        if (output != null) {
            output.write(metrics);
        }
    }

    /** @param change or null */
    void rateChanged(RateChange change, TrainingListener listener) {
        if (change == null) {
            return;
        }
        if (output != null) {
            output.write(change);
        }
        listener.rateChanged(change);
    }

    /** @throws TrainingDivergedException if a parameter is not finite; then no file is written */
    void checkpoint(TrainingState state, Dataset data, ModelTensors tensors, TrainingListener listener) {
        if (output == null) {
            return;
        }
        try {
            listener.checkpoint(output.writeCheckpoint(state, data, tensors::get));
        } catch (CheckpointFile.NotFiniteException e) {
            String layer = e.tensor.substring(0, e.tensor.lastIndexOf('.')).replace("momentum.", "");
            throw diverged(layer, state.step(), state.learningRate(Math.max(0, state.step() - 1)));
        }
    }

    TrainingDivergedException diverged(String layer, long step, double rate) {
        String kept = lastCheckpoint() == null ? "" : "; the last good checkpoint is " + lastCheckpoint();
        return new TrainingDivergedException(layer + ": gives NaN or infinity at step " + step + " with learning rate " + rate
                + ", so training has diverged: try a smaller learning rate" + kept, layer, step);
    }

    RankLostException lost(RankLostException problem, long step) {
        return new RankLostException(problem.getMessage() + " after step " + step + (lastCheckpoint() == null ? ""
                : "; the last checkpoint is " + lastCheckpoint() + ": --resume goes on from there, also with fewer processes"));
    }

    @Override
    public void close() {
        if (output != null) {
            output.close();
        }
    }
}
