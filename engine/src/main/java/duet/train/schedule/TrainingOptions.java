package duet.train.schedule;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

import duet.data.Augmentation;
import duet.data.Mean;

/**
 * How to train. Use {@link #DEFAULTS} and the with-methods. Values that make no sense are an {@link IllegalArgumentException}.
 *
 * <p>{@code Recipe.of("alexnet-small").withEpochs(3).withOutput(folder)}: nobody needs the constructor with all components.
 *
 * @param epochs              passes over the data
 * @param steps               if above 0, stop after that many steps in all, whatever {@code epochs} says
 * @param biasRateFactor      the biases' learning rate as a multiple of the weights' (2 in the original code)
 * @param biasWeightDecay     whether weight decay also pulls on biases
 * @param mean                what is subtracted from the images
 * @param checkpointEvery     steps between checkpoints besides the one after each epoch; 0 for none
 * @param keepCheckpoints     how many of the latest checkpoints stay on disk
 * @param loaderThreads       threads that read and decode images
 * @param frozen              layers whose parameters stay as they are
 * @param output              folder for metrics, checkpoints and pictures, or null to write nothing
 */
public record TrainingOptions(
        int batch, int epochs, long steps, LearningRate learningRate, double biasRateFactor, double momentum, double weightDecay,
        boolean biasWeightDecay, long seed, boolean shuffle, Augmentation augmentation, Mean mean, boolean dropout, int checkpointEvery,
        int keepCheckpoints, int loaderThreads, List<String> frozen, Path output) {

    public static final TrainingOptions DEFAULTS = new TrainingOptions(128, 10, 0, new LearningRate.Constant(0.01), 2, 0.9, 0.0005, false,
            1, true, Augmentation.STANDARD, Mean.IMAGE, true, 0, 2, 1, List.of(), null);

    public TrainingOptions {
        frozen = frozen == null ? List.of() : List.copyOf(frozen); // null: a checkpoint of before there were any
        require(batch > 0, "the batch must have at least 1 image, not " + batch);
        require(steps >= 0, "steps must not be below 0, but they are " + steps);
        require(epochs > 0 || steps > 0, "there must be at least 1 epoch, not " + epochs);
        Objects.requireNonNull(learningRate, "learningRate");
        Objects.requireNonNull(augmentation, "augmentation");
        Objects.requireNonNull(mean, "mean");
        require(biasRateFactor >= 0 && Double.isFinite(biasRateFactor),
                "the biases' rate factor must not be below 0, but it is " + biasRateFactor);
        require(momentum >= 0 && momentum < 1, "momentum must be from 0 to below 1, not " + momentum);
        require(weightDecay >= 0 && Double.isFinite(weightDecay), "weight decay must not be below 0, but it is " + weightDecay);
        require(checkpointEvery >= 0, "steps between checkpoints must not be below 0, but they are " + checkpointEvery);
        require(keepCheckpoints > 0, "at least 1 checkpoint must be kept, not " + keepCheckpoints);
        require(loaderThreads > 0, "there must be at least 1 loader thread, not " + loaderThreads);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    public TrainingOptions withBatch(int batch) {
        return with("batch", batch);
    }

    public TrainingOptions withEpochs(int epochs) {
        return with("epochs", epochs);
    }

    public TrainingOptions withSteps(long steps) {
        return with("steps", steps);
    }

    public TrainingOptions withLearningRate(LearningRate learningRate) {
        return with("learningRate", learningRate);
    }

    public TrainingOptions withBiasRateFactor(double biasRateFactor) {
        return with("biasRateFactor", biasRateFactor);
    }

    public TrainingOptions withMomentum(double momentum) {
        return with("momentum", momentum);
    }

    public TrainingOptions withWeightDecay(double weightDecay) {
        return with("weightDecay", weightDecay);
    }

    public TrainingOptions withBiasWeightDecay(boolean biasWeightDecay) {
        return with("biasWeightDecay", biasWeightDecay);
    }

    public TrainingOptions withSeed(long seed) {
        return with("seed", seed);
    }

    public TrainingOptions withShuffle(boolean shuffle) {
        return with("shuffle", shuffle);
    }

    public TrainingOptions withAugmentation(Augmentation augmentation) {
        return with("augmentation", augmentation);
    }

    public TrainingOptions withMean(Mean mean) {
        return with("mean", mean);
    }

    public TrainingOptions withDropout(boolean dropout) {
        return with("dropout", dropout);
    }

    public TrainingOptions withCheckpointEvery(int checkpointEvery) {
        return with("checkpointEvery", checkpointEvery);
    }

    public TrainingOptions withKeepCheckpoints(int keepCheckpoints) {
        return with("keepCheckpoints", keepCheckpoints);
    }

    public TrainingOptions withLoaderThreads(int loaderThreads) {
        return with("loaderThreads", loaderThreads);
    }

    public TrainingOptions withFrozen(List<String> frozen) {
        return with("frozen", frozen);
    }

    public TrainingOptions withOutput(Path output) {
        return with("output", output);
    }

    /** These options where they change the course of training, those of {@code now} where they only say how long, how and where to. */
    public TrainingOptions continued(TrainingOptions now) {
        return with("epochs", now.epochs, "steps", now.steps, "checkpointEvery", now.checkpointEvery, "keepCheckpoints",
                now.keepCheckpoints, "loaderThreads", now.loaderThreads, "output", now.output);
    }

    private TrainingOptions with(Object... changes) {
        return Components.with(this, changes);
    }
}
