package duet.train.output;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

import duet.train.schedule.RateChange;

/** Several listeners as one. */
record TrainingListeners(List<TrainingListener> listeners) implements TrainingListener {
    @Override
    public void started(long firstStep, long lastStep, long stepsPerEpoch) {
        listeners.forEach(listener -> listener.started(firstStep, lastStep, stepsPerEpoch));
    }

    @Override
    public void step(Metrics metrics) {
        listeners.forEach(listener -> listener.step(metrics));
    }

    @Override
    public void rateChanged(RateChange change) {
        listeners.forEach(listener -> listener.rateChanged(change));
    }

    @Override
    public void validating(long done, long total) {
        listeners.forEach(listener -> listener.validating(done, total));
    }

    @Override
    public void answered(int[] labels, Supplier<float[]> probabilities) {
        listeners.forEach(listener -> listener.answered(labels, probabilities));
    }

    @Override
    public void validated(Metrics metrics) {
        listeners.forEach(listener -> listener.validated(metrics));
    }

    @Override
    public void checkpoint(Path file) {
        listeners.forEach(listener -> listener.checkpoint(file));
    }

    @Override
    public void warning(String message) {
        listeners.forEach(listener -> listener.warning(message));
    }
}
