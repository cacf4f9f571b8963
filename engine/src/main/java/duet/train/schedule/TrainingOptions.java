package duet.train.schedule;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

import duet.data.Augmentation;
import duet.data.Mean;
import duet.json.Nullable;

/**
 * How to train. Made by a {@link Builder}. Values that make no sense are an {@link IllegalArgumentException}.
 *
 * <p>{@code Recipe.of("alexnet-small").toBuilder().epochs(3).output(folder).build()}: nobody needs the constructor with all components.
 *
 * @param batch           images in a step
 * @param epochs          passes over the data
 * @param steps           if above 0, stop after that many steps in all, whatever {@code epochs} says
 * @param learningRate    the rate of the weights, step by step
 * @param biasRateFactor  the biases' learning rate as a multiple of the weights' (2 in the original code)
 * @param momentum        what is kept of the last update, from 0 to below 1
 * @param weightDecay     added to the gradient for each unit of weight, times the rate
 * @param biasWeightDecay whether weight decay also pulls on biases
 * @param seed            of first weights, shuffles, crops, dropout: the same seed gives the same bits
 * @param shuffle         whether each epoch has an order of its own
 * @param augmentation    crops, mirrors and colours of the images
 * @param mean            what is subtracted from the images
 * @param dropout         whether the dropout layers are trained with
 * @param earlyStop       stop after that many validations without a lower top-1 error; 0 for never
 * @param checkpointEvery steps between checkpoints besides the one after each epoch; 0 for none
 * @param keepCheckpoints how many of the latest checkpoints stay on disk
 * @param loaderThreads   threads that read and decode images
 * @param frozen          layers whose parameters stay as they are
 * @param output          folder for metrics, checkpoints and pictures, or null to write nothing
 */
public record TrainingOptions(
        int batch, int epochs, long steps, LearningRate learningRate, double biasRateFactor, double momentum, double weightDecay,
        boolean biasWeightDecay, long seed, boolean shuffle, Augmentation augmentation, Mean mean, boolean dropout, int earlyStop,
        int checkpointEvery, int keepCheckpoints, int loaderThreads, @Nullable List<String> frozen, @Nullable Path output) {

    /** Ten epochs in batches of 128 with the paper's momentum and weight decay, a constant rate of 0.01, crops and mirrors. */
    public static final TrainingOptions DEFAULTS = new TrainingOptions(128, 10, 0, new LearningRate.Constant(0.01), 2, 0.9, 0.0005, false,
            1, true, Augmentation.STANDARD, Mean.IMAGE, true, 0, 0, 2, 1, List.of(), null);

    /** Throws an {@link IllegalArgumentException} in a sentence that names the option. */
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
        require(earlyStop >= 0, "the validations until an early stop must not be below 0, but they are " + earlyStop);
        require(checkpointEvery >= 0, "steps between checkpoints must not be below 0, but they are " + checkpointEvery);
        require(keepCheckpoints > 0, "at least 1 checkpoint must be kept, not " + keepCheckpoints);
        require(loaderThreads > 0, "there must be at least 1 loader thread, not " + loaderThreads);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /** {@return the defaults, to be changed} */
    public static Builder builder() {
        return DEFAULTS.toBuilder();
    }

    /** {@return these options, to be changed} */
    public Builder toBuilder() {
        return new Builder(this);
    }

    /**
     * {@return these options where they change the course of training, those of {@code now} where they only say how long, how and where to}
     *
     * @param now options of the training that goes on
     */
    public TrainingOptions continued(TrainingOptions now) {
        return toBuilder().epochs(now.epochs).steps(now.steps).earlyStop(now.earlyStop)
                .checkpointEvery(now.checkpointEvery).keepCheckpoints(now.keepCheckpoints).loaderThreads(now.loaderThreads)
                .output(now.output).build();
    }

    /** Changes some of many options: {@code Recipe.of("alexnet-small").toBuilder().epochs(3).output(folder).build()}. */
    @SuppressWarnings("doclint:missing") // each method says what its argument is, and returns the builder
    public static final class Builder {
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
        private int earlyStop;
        private int checkpointEvery;
        private int keepCheckpoints;
        private int loaderThreads;
        private List<String> frozen;
        private Path output;

        private Builder(TrainingOptions from) {
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
            earlyStop = from.earlyStop;
            checkpointEvery = from.checkpointEvery;
            keepCheckpoints = from.keepCheckpoints;
            loaderThreads = from.loaderThreads;
            frozen = from.frozen;
            output = from.output;
        }

        /** Images in a step. */
        public Builder batch(int batch) {
            this.batch = batch;
            return this;
        }

        /** Passes over the data; plays no part where {@link #steps} is above 0. */
        public Builder epochs(int epochs) {
            this.epochs = epochs;
            return this;
        }

        /** Steps in all, whatever the epochs; 0 for as many as the epochs take. */
        public Builder steps(long steps) {
            this.steps = steps;
            return this;
        }

        /** The rate of the weights, step by step. */
        public Builder learningRate(LearningRate learningRate) {
            this.learningRate = learningRate;
            return this;
        }

        /** The biases' learning rate as a multiple of the weights'. */
        public Builder biasRateFactor(double biasRateFactor) {
            this.biasRateFactor = biasRateFactor;
            return this;
        }

        /** What is kept of the last update, from 0 to below 1. */
        public Builder momentum(double momentum) {
            this.momentum = momentum;
            return this;
        }

        /** Added to the gradient for each unit of weight, times the rate. */
        public Builder weightDecay(double weightDecay) {
            this.weightDecay = weightDecay;
            return this;
        }

        /** Whether weight decay also pulls on biases. */
        public Builder biasWeightDecay(boolean biasWeightDecay) {
            this.biasWeightDecay = biasWeightDecay;
            return this;
        }

        /** The seed of first weights, shuffles, crops, dropout: the same seed gives the same bits. */
        public Builder seed(long seed) {
            this.seed = seed;
            return this;
        }

        /** Whether each epoch has an order of its own. */
        public Builder shuffle(boolean shuffle) {
            this.shuffle = shuffle;
            return this;
        }

        /** Crops, mirrors and colours of the images. */
        public Builder augmentation(Augmentation augmentation) {
            this.augmentation = augmentation;
            return this;
        }

        /** What is subtracted from the images. */
        public Builder mean(Mean mean) {
            this.mean = mean;
            return this;
        }

        /** Whether the dropout layers are trained with. */
        public Builder dropout(boolean dropout) {
            this.dropout = dropout;
            return this;
        }

        /** Stop after that many validations without a lower top-1 error; 0 for never. */
        public Builder earlyStop(int earlyStop) {
            this.earlyStop = earlyStop;
            return this;
        }

        /** Steps between checkpoints besides the one after each epoch; 0 for none. */
        public Builder checkpointEvery(int checkpointEvery) {
            this.checkpointEvery = checkpointEvery;
            return this;
        }

        /** How many of the latest checkpoints stay on disk. */
        public Builder keepCheckpoints(int keepCheckpoints) {
            this.keepCheckpoints = keepCheckpoints;
            return this;
        }

        /** Threads that read and decode images. */
        public Builder loaderThreads(int loaderThreads) {
            this.loaderThreads = loaderThreads;
            return this;
        }

        /** Layers whose parameters stay as they are. */
        public Builder frozen(List<String> frozen) {
            this.frozen = frozen;
            return this;
        }

        /** Folder for metrics and checkpoints, or null to write nothing. */
        public Builder output(Path output) {
            this.output = output;
            return this;
        }

        /**
         * {@return the options with what was changed}
         *
         * @throws IllegalArgumentException in a sentence that names an option with a value that makes no sense
         */
        public TrainingOptions build() {
            return new TrainingOptions(batch, epochs, steps, learningRate, biasRateFactor, momentum, weightDecay, biasWeightDecay, seed,
                    shuffle, augmentation, mean, dropout, earlyStop, checkpointEvery, keepCheckpoints, loaderThreads, frozen, output);
        }
    }
}
