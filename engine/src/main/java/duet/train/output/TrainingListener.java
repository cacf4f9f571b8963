package duet.train.output;

import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;

import duet.train.schedule.RateChange;

/** Told what happens in training, on the thread that trains. */
public interface TrainingListener {
    /**
     * Told once, before the first step.
     *
     * @param firstStep     0, or the step of the checkpoint that is resumed
     * @param lastStep      steps in all
     * @param stepsPerEpoch rounded up
     */
    default void started(long firstStep, long lastStep, long stepsPerEpoch) {}

    /**
     * Told after each step.
     *
     * @param metrics of that step
     */
    default void step(Metrics metrics) {}

    /**
     * Told before the first step with other rates.
     *
     * @param change the new rates
     */
    default void rateChanged(RateChange change) {}

    /**
     * Told while a validation goes on.
     *
     * @param done  images so far
     * @param total images in all
     */
    default void validating(long done, long total) {}

    /**
     * Told in a validation, batch after batch and before {@link #validating}, what the network thinks of the images.
     *
     * @param labels        of the batch's places; -1 where there is no image
     * @param probabilities [batch][classes]; read from the devices when they are asked for, which is possible until this call ends
     */
    default void answered(int[] labels, Supplier<float[]> probabilities) {}

    /**
     * Told after each validation.
     *
     * @param metrics of the validation
     */
    default void validated(Metrics metrics) {}

    /**
     * Told when a checkpoint is on disk.
     *
     * @param file the checkpoint
     */
    default void checkpoint(Path file) {}

    /**
     * Told of something that the person should know.
     *
     * @param message a sentence
     */
    default void warning(String message) {}

    /** Tells nobody. */
    TrainingListener SILENT = new TrainingListener() {};

    /**
     * {@return a listener that tells several, in their order}
     *
     * @param listeners to be told
     */
    static TrainingListener all(TrainingListener... listeners) {
        return new TrainingListeners(List.of(listeners));
    }
}
