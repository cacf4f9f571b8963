package duet.train;

import java.nio.file.Path;

import duet.data.Augmentation;

/**
 * How to train. Use {@link #DEFAULTS} and the with-methods.
 *
 * @param epochs              passes over the data
 * @param steps               if above 0, stop after so many steps in all, whatever {@code epochs} says
 * @param biasRateFactor      the biases' learning rate as a multiple of the weights' (2 in the original code)
 * @param biasWeightDecay     whether weight decay also pulls on biases
 * @param checkpointEvery     steps between checkpoints besides the one after each epoch; 0 for none
 * @param keepCheckpoints     how many of the latest checkpoints stay on disk
 * @param loaderThreads       threads that read and decode images
 * @param output              folder for metrics, checkpoints and pictures, or null to write nothing
 */
public record TrainingOptions(
        int batch, int epochs, long steps, LearningRate learningRate, double biasRateFactor, double momentum, double weightDecay,
        boolean biasWeightDecay, long seed, boolean shuffle, Augmentation augmentation, boolean dropout, int checkpointEvery,
        int keepCheckpoints, int loaderThreads, Path output) {

    public static final TrainingOptions DEFAULTS = new TrainingOptions(
            128, 10, 0, new LearningRate.Constant(0.01), 2, 0.9, 0.0005, false, 1, true, Augmentation.STANDARD, true, 0, 2, 1, null);
}
