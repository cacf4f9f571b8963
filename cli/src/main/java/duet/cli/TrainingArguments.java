package duet.cli;

import java.nio.file.Path;
import java.util.List;
import java.util.Set;

import duet.data.Augmentation;
import duet.train.Recipe;
import duet.train.TrainingOptions;

import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;

/** The options that say how to train. */
final class TrainingArguments {
    /** What may be said anew when a training goes on; everything else comes from the checkpoint. */
    private static final Set<String> ALLOWED_WITH_RESUME = Set.of(
            "--resume", "--data", "--epochs", "--steps", "--devices", "--placement", "--threads", "--checkpoint-every", "--strict",
            "--json", "--quiet", "--debug");

    @Option(names = "--batch", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Images in a step (default: 128, alexnet-small 64).")
    private Integer batch;

    @Option(names = "--epochs", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Passes over the data (default: 10, alexnet-small 7; with --resume what the training began with).")
    private Integer epochs;

    @Option(names = "--steps", paramLabel = "N", converter = Numbers.PositiveLong.class,
            description = "Stop after so many steps in all, whatever --epochs says.")
    private Long steps;

    @Option(names = "--lr", paramLabel = "RATE", converter = Numbers.Positive.class,
            description = "Learning rate of the weights at the start (default: 0.01 for a batch of 128, alexnet-small 0.02 for 64, "
                    + "and in proportion for other batches).")
    private Double rate;

    @Option(names = "--lr-policy", paramLabel = "POLICY", converter = RatePolicy.Converter.class,
            description = "'constant'; 'steps:EPOCHS[:FACTOR]': multiplied by FACTOR (0.1) after every EPOCHS epochs; "
                    + "'linear:EPOCHS': falls evenly to 0 over EPOCHS epochs; "
                    + "'plateau[:PATIENCE]': divided by 10 when the validation error has not fallen for PATIENCE (5) epochs, at most "
                    + "three times, as in the paper (default: plateau, alexnet-small steps:4:0.15).")
    private RatePolicy policy;

    @Option(names = "--bias-lr-factor", paramLabel = "X", defaultValue = "2", converter = Numbers.NonNegative.class,
            description = "Learning rate of the biases as a multiple of the weights' (default: ${DEFAULT-VALUE}).")
    private double biasRateFactor;

    @Option(names = "--momentum", paramLabel = "X", defaultValue = "0.9", converter = Numbers.Fraction.class,
            description = "0 to below 1 (default: ${DEFAULT-VALUE}).")
    private double momentum;

    @Option(names = "--weight-decay", paramLabel = "X", defaultValue = "0.0005", converter = Numbers.NonNegative.class,
            description = "How strongly weights are pulled to 0 (default: ${DEFAULT-VALUE}).")
    private double weightDecay;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", converter = Numbers.Seed.class,
            description = "Key of all random numbers: the same seed gives the same bits (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--shuffle", negatable = true, defaultValue = "true", fallbackValue = "true",
            description = "A new order of the images each epoch (default: yes).")
    private boolean shuffle;

    @Option(names = "--augment", negatable = true, fallbackValue = "true",
            description = "Random crops (or shifts by up to 2 pixels, where stored images have the network's size) and mirroring "
                    + "(default: yes, alexnet-small no, because it pays off only in long trainings).")
    private Boolean augment;

    @Option(names = "--dropout", negatable = true, defaultValue = "true", fallbackValue = "true",
            description = "Dropout where the network has it (default: yes).")
    private boolean dropout;

    @Option(names = "--checkpoint-every", paramLabel = "N", converter = Numbers.Count.class,
            description = "Write a checkpoint every N steps besides the one after each epoch (default: 0, none besides).")
    private Integer checkpointEvery;

    @Option(names = "--freeze", paramLabel = "LAYERS", split = ",",
            description = "These layers keep the weights that they start with, such as conv1,conv2 after --from.")
    private List<String> frozen = List.of();

    /**
     * The network's recipe with what was asked for.
     *
     * @param output the folder to write to
     */
    TrainingOptions forNewTraining(String network, Path output) {
        TrainingOptions recipe = batch == null ? Recipe.of(network) : Recipe.of(network, batch);
        double initial = rate == null ? recipe.learningRate().initial() : rate;
        return recipe
                .withEpochs(epochs == null ? recipe.epochs() : epochs)
                .withSteps(steps == null ? 0 : steps)
                .withLearningRate(policy == null ? recipe.learningRate().startingAt(initial) : policy.from(initial))
                .withBiasRateFactor(biasRateFactor)
                .withMomentum(momentum)
                .withWeightDecay(weightDecay)
                .withSeed(seed)
                .withShuffle(shuffle)
                .withAugmentation(augment == null ? recipe.augmentation() : augment ? Augmentation.STANDARD : Augmentation.NONE)
                .withDropout(dropout)
                .withCheckpointEvery(checkpointEvery == null ? 0 : checkpointEvery)
                .withLoaderThreads(loaderThreads())
                .withFrozen(frozen)
                .withOutput(output);
    }

    /**
     * The options of a checkpoint with what may be said anew.
     *
     * @param output the folder that the checkpoint lies in
     */
    TrainingOptions forResumed(TrainingOptions begun, Path output) {
        // --epochs alone lifts a limit that --steps has set before.
        long lastStep = steps != null ? steps : epochs != null ? 0 : begun.steps();
        return begun
                .withEpochs(epochs == null ? begun.epochs() : epochs)
                .withSteps(lastStep)
                .withCheckpointEvery(checkpointEvery == null ? begun.checkpointEvery() : checkpointEvery)
                .withLoaderThreads(loaderThreads())
                .withOutput(output);
    }

    /** Decoding JPEG files must keep up with the devices, which share the cores with it. */
    static int loaderThreads() {
        return Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
    }

    /** With --resume no option may change the course of a training that has begun. */
    static void checkResumable(ParseResult parsed) {
        List<String> refused = parsed.matchedOptions().stream().map(OptionSpec::longestName)
                .filter(name -> !ALLOWED_WITH_RESUME.contains(name)).toList();
        if (!refused.isEmpty()) {
            throw CommandFailure.usage(String.join(" and ", refused) + " cannot be given with --resume, which goes on as the training "
                    + "began; start a new training to change " + (refused.size() == 1 ? "it" : "them"));
        }
    }
}
