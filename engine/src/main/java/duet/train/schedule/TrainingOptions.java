package duet.train.schedule;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;

import duet.data.Augmentation;
import duet.data.Mean;

/**
 * How to train. Use {@link #DEFAULTS} and the with-methods. Values that make no sense are an {@link IllegalArgumentException}.
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
            1, true,
            Augmentation.STANDARD, Mean.IMAGE, true, 0, 2, 1, List.of(), null);

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
        return with(draft -> draft.batch = batch);
    }

    public TrainingOptions withEpochs(int epochs) {
        return with(draft -> draft.epochs = epochs);
    }

    public TrainingOptions withSteps(long steps) {
        return with(draft -> draft.steps = steps);
    }

    public TrainingOptions withLearningRate(LearningRate learningRate) {
        return with(draft -> draft.learningRate = learningRate);
    }

    public TrainingOptions withBiasRateFactor(double biasRateFactor) {
        return with(draft -> draft.biasRateFactor = biasRateFactor);
    }

    public TrainingOptions withMomentum(double momentum) {
        return with(draft -> draft.momentum = momentum);
    }

    public TrainingOptions withWeightDecay(double weightDecay) {
        return with(draft -> draft.weightDecay = weightDecay);
    }

    public TrainingOptions withBiasWeightDecay(boolean biasWeightDecay) {
        return with(draft -> draft.biasWeightDecay = biasWeightDecay);
    }

    public TrainingOptions withSeed(long seed) {
        return with(draft -> draft.seed = seed);
    }

    public TrainingOptions withShuffle(boolean shuffle) {
        return with(draft -> draft.shuffle = shuffle);
    }

    public TrainingOptions withAugmentation(Augmentation augmentation) {
        return with(draft -> draft.augmentation = augmentation);
    }

    public TrainingOptions withMean(Mean mean) {
        return with(draft -> draft.mean = mean);
    }

    public TrainingOptions withDropout(boolean dropout) {
        return with(draft -> draft.dropout = dropout);
    }

    public TrainingOptions withCheckpointEvery(int checkpointEvery) {
        return with(draft -> draft.checkpointEvery = checkpointEvery);
    }

    public TrainingOptions withKeepCheckpoints(int keepCheckpoints) {
        return with(draft -> draft.keepCheckpoints = keepCheckpoints);
    }

    public TrainingOptions withLoaderThreads(int loaderThreads) {
        return with(draft -> draft.loaderThreads = loaderThreads);
    }

    public TrainingOptions withFrozen(List<String> frozen) {
        return with(draft -> draft.frozen = frozen);
    }

    public TrainingOptions withOutput(Path output) {
        return with(draft -> draft.output = output);
    }

    /** These options where they change the course of training, those of {@code now} where they only say how long, how and where to. */
    public TrainingOptions continued(TrainingOptions now) {
        return with(draft -> {
            draft.epochs = now.epochs;
            draft.steps = now.steps;
            draft.checkpointEvery = now.checkpointEvery;
            draft.keepCheckpoints = now.keepCheckpoints;
            draft.loaderThreads = now.loaderThreads;
            draft.output = now.output;
        });
    }

    private TrainingOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.finish();
    }

    /** The components, changeable: spares each with-method the list of all seventeen. */
    private static final class Draft {
        private int batch;
        private int epochs;
        private long steps;
        private LearningRate learningRate;
        private double biasRateFactor;
        private double momentum;
        private double weightDecay;
        private boolean biasWeightDecay;
        private long seed;
        private boolean shuffle;
        private Augmentation augmentation;
        private Mean mean;
        private boolean dropout;
        private int checkpointEvery;
        private int keepCheckpoints;
        private int loaderThreads;
        private List<String> frozen;
        private Path output;

        Draft(TrainingOptions from) {
            batch = from.batch;
            epochs = from.epochs;
            steps = from.steps;
            learningRate = from.learningRate;
            biasRateFactor = from.biasRateFactor;
            momentum = from.momentum;
            weightDecay = from.weightDecay;
            biasWeightDecay = from.biasWeightDecay;
            seed = from.seed;
            shuffle = from.shuffle;
            augmentation = from.augmentation;
            mean = from.mean;
            dropout = from.dropout;
            checkpointEvery = from.checkpointEvery;
            keepCheckpoints = from.keepCheckpoints;
            loaderThreads = from.loaderThreads;
            frozen = from.frozen;
            output = from.output;
        }

        TrainingOptions finish() {
            return new TrainingOptions(batch, epochs, steps, learningRate, biasRateFactor, momentum, weightDecay, biasWeightDecay, seed,
                    shuffle, augmentation, mean, dropout, checkpointEvery, keepCheckpoints, loaderThreads, frozen, output);
        }
    }
}
