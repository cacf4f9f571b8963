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
 * @param batch           images in a step
 * @param epochs          passes over the data
 * @param steps           if above 0, stop after that many steps in all, whatever {@code epochs} says
 * @param learningRate    how the rate changes
 * @param biasRateFactor  the biases' learning rate as a multiple of the weights' (2 in the original code)
 * @param momentum        factor of the last update, 0.9 in the paper
 * @param weightDecay     factor of the weights in each update, 0.0005 in the paper
 * @param biasWeightDecay whether weight decay also pulls on biases
 * @param seed            of all draws: first weights, order, crops, dropout
 * @param shuffle         a new order of the images for each epoch
 * @param augmentation    what is done to the images
 * @param mean            what is subtracted from the images
 * @param dropout         whether dropout layers drop anything
 * @param checkpointEvery steps between checkpoints besides the one after each epoch; 0 for none
 * @param keepCheckpoints how many of the latest checkpoints stay on disk
 * @param loaderThreads   threads that read and decode images
 * @param frozen          layers whose parameters stay as they are
 * @param output          folder for metrics, checkpoints and pictures, or null to write nothing
 */
public record TrainingOptions(
        int batch, int epochs, long steps, LearningRate learningRate, double biasRateFactor, double momentum, double weightDecay,
        boolean biasWeightDecay, long seed, boolean shuffle, Augmentation augmentation, Mean mean, boolean dropout, int checkpointEvery,
        int keepCheckpoints, int loaderThreads, List<String> frozen, Path output) {

    public static final TrainingOptions DEFAULTS = new TrainingOptions(128, 10, 0, new LearningRate.Constant(0.01), 2, 0.9, 0.0005, false,
            1, true, Augmentation.STANDARD, Mean.IMAGE, true, 0, 2, 1, List.of(), null);

    /** Throws an {@link IllegalArgumentException} for values that make no sense. */
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

    /**
     * {@return these options with another batch size}
     *
     * @param batch images in a step
     */
    public TrainingOptions withBatch(int batch) {
        return with("batch", batch);
    }

    /**
     * {@return these options with another length}
     *
     * @param epochs passes over the data
     */
    public TrainingOptions withEpochs(int epochs) {
        return with("epochs", epochs);
    }

    /**
     * {@return these options with an end by steps}
     *
     * @param steps in all; 0: as many as the epochs have
     */
    public TrainingOptions withSteps(long steps) {
        return with("steps", steps);
    }

    /**
     * {@return these options with another learning rate}
     *
     * @param learningRate how the rate changes
     */
    public TrainingOptions withLearningRate(LearningRate learningRate) {
        return with("learningRate", learningRate);
    }

    /**
     * {@return these options with another rate for biases}
     *
     * @param biasRateFactor their rate as a multiple of the weights'
     */
    public TrainingOptions withBiasRateFactor(double biasRateFactor) {
        return with("biasRateFactor", biasRateFactor);
    }

    /**
     * {@return these options with another momentum}
     *
     * @param momentum factor of the last update
     */
    public TrainingOptions withMomentum(double momentum) {
        return with("momentum", momentum);
    }

    /**
     * {@return these options with another weight decay}
     *
     * @param weightDecay factor of the weights in each update
     */
    public TrainingOptions withWeightDecay(double weightDecay) {
        return with("weightDecay", weightDecay);
    }

    /**
     * {@return these options with or without weight decay on biases}
     *
     * @param biasWeightDecay whether it also pulls on biases
     */
    public TrainingOptions withBiasWeightDecay(boolean biasWeightDecay) {
        return with("biasWeightDecay", biasWeightDecay);
    }

    /**
     * {@return these options with another seed}
     *
     * @param seed of all draws
     */
    public TrainingOptions withSeed(long seed) {
        return with("seed", seed);
    }

    /**
     * {@return these options with or without a new order for each epoch}
     *
     * @param shuffle false: always the order of the data
     */
    public TrainingOptions withShuffle(boolean shuffle) {
        return with("shuffle", shuffle);
    }

    /**
     * {@return these options with another augmentation}
     *
     * @param augmentation what is done to the images
     */
    public TrainingOptions withAugmentation(Augmentation augmentation) {
        return with("augmentation", augmentation);
    }

    /**
     * {@return these options with another mean}
     *
     * @param mean what is subtracted from the images
     */
    public TrainingOptions withMean(Mean mean) {
        return with("mean", mean);
    }

    /**
     * {@return these options with or without dropout}
     *
     * @param dropout whether dropout layers drop anything
     */
    public TrainingOptions withDropout(boolean dropout) {
        return with("dropout", dropout);
    }

    /**
     * {@return these options with checkpoints more or less often}
     *
     * @param checkpointEvery steps between two, besides the one after each epoch; 0 for none
     */
    public TrainingOptions withCheckpointEvery(int checkpointEvery) {
        return with("checkpointEvery", checkpointEvery);
    }

    /**
     * {@return these options with more or fewer checkpoints kept}
     *
     * @param keepCheckpoints how many of the latest stay on disk
     */
    public TrainingOptions withKeepCheckpoints(int keepCheckpoints) {
        return with("keepCheckpoints", keepCheckpoints);
    }

    /**
     * {@return these options with another number of threads}
     *
     * @param loaderThreads threads that read and decode images
     */
    public TrainingOptions withLoaderThreads(int loaderThreads) {
        return with("loaderThreads", loaderThreads);
    }

    /**
     * {@return these options with layers that stay as they are}
     *
     * @param frozen names of the layers
     */
    public TrainingOptions withFrozen(List<String> frozen) {
        return with("frozen", frozen);
    }

    /**
     * {@return these options with another output folder}
     *
     * @param output null to write nothing
     */
    public TrainingOptions withOutput(Path output) {
        return with("output", output);
    }

    /**
     * {@return these options where they change the course of training, those of {@code now} where they only say how long, how and where to}
     *
     * @param now of the training that goes on
     */
    public TrainingOptions continued(TrainingOptions now) {
        return with("epochs", now.epochs, "steps", now.steps, "checkpointEvery", now.checkpointEvery, "keepCheckpoints",
                now.keepCheckpoints, "loaderThreads", now.loaderThreads, "output", now.output);
    }

    private TrainingOptions with(Object... changes) {
        return Components.with(this, changes);
    }
}
