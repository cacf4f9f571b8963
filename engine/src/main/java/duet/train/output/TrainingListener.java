package duet.train.output;

import java.nio.file.Path;
import java.util.List;

import duet.train.schedule.RateChange;

/** Told what happens in training, on the thread that trains. */
public interface TrainingListener {
    /** @param firstStep 0, or the step of the checkpoint that is resumed */
    default void started(long firstStep, long lastStep, long stepsPerEpoch) {}

    default void step(Metrics metrics) {}

    /** Told before the first step with other rates. */
    default void rateChanged(RateChange change) {}

    /** @param done and total in images */
    default void validating(long done, long total) {}

    default void validated(Metrics metrics) {}

    default void checkpoint(Path file) {}

    /** Something that the person should know, in a sentence. */
    default void warning(String message) {}

    /** Tells nobody. */
    TrainingListener SILENT = new TrainingListener() {};

    /** Tells several, in their order. */
    static TrainingListener all(TrainingListener... listeners) {
        return new TrainingListeners(List.of(listeners));
    }
}
