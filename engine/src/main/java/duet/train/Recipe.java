package duet.train;

import duet.data.Augmentation;

/**
 * How a network is trained unless one says otherwise.
 *
 * <p>Learning rates are for the recipe's batch size. For another one the rate is scaled in proportion, so that an image moves the
 * weights as far as before ("One weird trick", section 3; Goyal et al. 2017): the paper's rate with a batch of 8 makes AlexNet
 * diverge within a few steps.
 */
public final class Recipe {
    private static final double PAPER_RATE = 0.01;
    private static final int PAPER_BATCH = 128;

    private Recipe() {}

    /** The recipe of a named network; for all others the paper's, section 5, with ten epochs instead of ninety. */
    public static TrainingOptions of(String network) {
        return of(network, network.equals("alexnet-small") ? 64 : PAPER_BATCH);
    }

    /** The same for another batch size. */
    public static TrainingOptions of(String network, int batch) {
        if (network.equals("alexnet-small")) {
            // Found by trial on Fashion-MNIST: 91 % within minutes. Shifts and mirrors pay off only in longer runs.
            return TrainingOptions.DEFAULTS.withBatch(batch).withEpochs(7).withAugmentation(Augmentation.NONE)
                    .withLearningRate(new LearningRate.Steps(0.02 * batch / 64, 4, 0.15));
        }
        Augmentation augmentation = switch (network) {
            case "alexnet" -> Augmentation.PAPER;
            case "alexnet-2012" -> Augmentation.ORIGINAL;
            default -> Augmentation.STANDARD;
        };
        return TrainingOptions.DEFAULTS.withBatch(batch).withEpochs(10).withAugmentation(augmentation)
                .withLearningRate(new LearningRate.Plateau(PAPER_RATE * batch / PAPER_BATCH, 0.1, 5, 3));
    }
}
