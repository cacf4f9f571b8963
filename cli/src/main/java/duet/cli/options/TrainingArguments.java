package duet.cli.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

import duet.cli.output.CommandFailure;
import duet.data.Augmentation;
import duet.train.Recipe;
import duet.train.schedule.Diary;
import duet.train.schedule.LearningRate;
import duet.train.schedule.Schedules;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.WarmUp;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.TypeConversionException;

/** The options that say how to train. */
@Heading(Heading.TRAINING)
public final class TrainingArguments {
    /** What may be given again when a training is resumed; everything else comes from the checkpoint. */
    private static final Set<String> ALLOWED_WITH_RESUME = Set.of(
            "--resume", "--data", "--epochs", "--steps", "--devices", "--placement", "--parts", "--rounds", "--patience", "--threads",
            "--convolutions", "--precision", "--checkpoint-every", "--early-stop", "--strict", "--tensorboard", "--json", "--quiet",
            "--debug");

    @Option(names = "--batch", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Images in a step (default: 128, alexnet-small 64, GoogLeNet 32, AlexNet of Caffe and torchvision 256).")
    private Integer batch;

    @Option(names = "--epochs", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Passes over the data (default: what the network's source has, alexnet 10, the small ones 7; with --resume what "
                    + "the training began with).")
    private Integer epochs;

    @Option(names = "--steps", paramLabel = "N", converter = Numbers.PositiveLong.class,
            description = "Stop after that many steps in all, whatever --epochs says.")
    private Long steps;

    @Heading(Heading.RATE)
    @Option(names = "--lr", paramLabel = "RATE", converter = Numbers.Positive.class,
            description = "Learning rate of the weights at the start; the other rates of a schedule change in proportion (default: what "
                    + "the network's source has, alexnet 0.01 for a batch of 128, alexnet-small 0.02 for 64, and in proportion for other "
                    + "batches).")
    private Double rate;

    @Heading(Heading.RATE)
    @Option(names = "--lr-policy", paramLabel = "POLICY", converter = RatePolicy.Converter.class,
            description = "'constant'; 'steps:EPOCHS[:FACTOR]': multiplied by FACTOR (0.1) after every EPOCHS epochs; "
                    + "'linear:EPOCHS': falls evenly to 0 over EPOCHS epochs; "
                    + "'exponential:EPOCHS[:FACTOR]': falls by the same share in each epoch, to FACTOR (0.001) of it after EPOCHS epochs; "
                    + "'plateau[:PATIENCE]': divided by 10 when the validation error has not fallen for PATIENCE (5) epochs, at most "
                    + "three times, as in the paper (default: what the network's source has, alexnet plateau, alexnet-small steps:4:0.15).")
    private RatePolicy policy;

    @Heading(Heading.RATE)
    @Option(names = "--schedule", paramLabel = "NAME|FILE", converter = ScheduleConverter.class,
            description = "In place of --lr-policy a list of changes by epoch, also for single layers: 'original-2012' (the diary of the "
                    + "network of 2012), 'cifar-18pct', 'cifar-11pct' or a JSON file (engine/src/main/java/duet/train/README.md).")
    private Diary schedule;

    @Heading(Heading.RATE)
    @Option(names = "--warm-up", paramLabel = "EPOCHS", converter = Numbers.Positive.class,
            description = "The rates rise evenly over that many epochs at the start, to what they would be anyway (default: no).")
    private Double warmUp;

    @Heading(Heading.RATE)
    @Option(names = "--bias-lr-factor", paramLabel = "X", converter = Numbers.NonNegative.class,
            description = "Learning rate of the biases as a multiple of the weights' (default: 2, alexnet-owt 1).")
    private Double biasRateFactor;

    @Option(names = "--momentum", paramLabel = "X", defaultValue = "0.9", converter = Numbers.Fraction.class,
            description = "0 to below 1 (default: ${DEFAULT-VALUE}).")
    private double momentum;

    @Option(names = "--weight-decay", paramLabel = "X", converter = Numbers.NonNegative.class,
            description = "How strongly weights are pulled to 0, where a schedule says nothing else (default: 0.0005, alexnet-owt 0.0001, "
                    + "googlenet 0.0002, figure-1 0).")
    private Double weightDecay;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", converter = Numbers.Seed.class,
            description = "Key of all random numbers: the same seed gives the same bits (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Heading(Heading.IMAGES)
    @Option(names = "--shuffle", negatable = true, defaultValue = "true", fallbackValue = "true",
            description = "A new order of the images each epoch (default: yes).")
    private boolean shuffle;

    @Heading(Heading.IMAGES)
    @Option(names = "--augment", negatable = true, fallbackValue = "true",
            description = "Random crops (or shifts by up to 2 pixels, where stored images have the network's size) and mirroring "
                    + "(default: yes, with colour noise for alexnet and alexnet-2012, with patches and photometric distortion for "
                    + "googlenet; the small ones no, because it pays off only in long trainings).")
    private Boolean augment;

    @Mixin
    private AugmentationArguments augmentation;

    @Option(names = "--dropout", negatable = true, defaultValue = "true", fallbackValue = "true",
            description = "Dropout where the network has it (default: yes).")
    private boolean dropout;

    @Heading(Heading.RUN)
    @Option(names = "--early-stop", paramLabel = "N", converter = Numbers.Count.class,
            description = "Stop when N validations, one after each epoch, have not brought a lower error (default: 0, never). The "
                    + "checkpoint of the best validation is kept in any case: --best.")
    private Integer earlyStop;

    @Heading(Heading.RUN)
    @Option(names = "--checkpoint-every", paramLabel = "N", converter = Numbers.Count.class,
            description = "Write a checkpoint every N steps besides the one after each epoch (default: 0, none besides).")
    private Integer checkpointEvery;

    @Option(names = "--freeze", paramLabel = "LAYERS", split = ",",
            description = "These layers keep the weights that they start with, such as conv1,conv2 after --from.")
    private List<String> frozen = List.of();

    public List<String> frozen() {
        return frozen;
    }

    /**
     * The network's recipe with what was asked for.
     *
     * @param output the folder to write to
     */
    public TrainingOptions forNewTraining(String network, Path output) {
        return forNewTraining(network, output, Integer.MAX_VALUE);
    }

    /**
     * The network's recipe with what was asked for, where there are few images: the trainer's batch will be no larger than all of them, and
     * the rate goes with that.
     *
     * @param output the folder to write to
     * @param images to learn from
     */
    public TrainingOptions forNewTraining(String network, Path output, int images) {
        return CommandFailure.checked(() -> options(network, output, images));
    }

    private TrainingOptions options(String network, Path output, int images) {
        int wanted = batch == null ? Recipe.of(network).batch() : batch;
        TrainingOptions recipe = Recipe.of(network, Math.min(wanted, images));
        return recipe
                .toBuilder()
                .batch(wanted)
                .epochs(epochs != null ? epochs : schedule != null && schedule.epochs() > 0 ? schedule.epochs() : recipe.epochs())
                .steps(steps == null ? 0 : steps)
                .learningRate(learningRate(recipe))
                .biasRateFactor(biasRateFactor == null ? recipe.biasRateFactor() : biasRateFactor)
                .momentum(momentum)
                .weightDecay(weightDecay == null ? recipe.weightDecay() : weightDecay)
                .seed(seed)
                .shuffle(shuffle)
                .augmentation(
                        augmentation.of(augment == null ? recipe.augmentation() : augment ? augmented(recipe) : Augmentation.NONE))
                .mean(augmentation.mean())
                .dropout(dropout)
                .earlyStop(earlyStop == null ? 0 : earlyStop)
                .checkpointEvery(checkpointEvery == null ? 0 : checkpointEvery)
                .loaderThreads(loaderThreads())
                .frozen(frozen)
                .output(output)
                .build();
    }

    private LearningRate learningRate(TrainingOptions recipe) {
        if (policy != null && schedule != null) {
            throw CommandFailure.usage("--lr-policy and --schedule exclude each other");
        }
        LearningRate chosen = recipe.learningRate();
        if (policy != null) {
            chosen = policy.from(chosen.initial());
        } else if (schedule != null) {
            double scale = schedule.batch() > 0 ? (double) recipe.batch() / schedule.batch() : 1;
            chosen = scale == 1 ? schedule : schedule.startingAt(schedule.initial() * scale);
        }
        if (biasRateFactor != null && chosen instanceof Diary diary && diary.biasRate() != null) {
            throw CommandFailure
                    .usage("--bias-lr-factor does nothing, because the schedule has a rate of its own for biases; leave it out, or give "
                            + "--lr-policy or a schedule file without biasRate");
        }
        chosen = rate == null ? chosen : chosen.startingAt(rate);
        return warmUp == null ? chosen : new WarmUp(warmUp, chosen);
    }

    /** A named schedule or a file. */
    static final class ScheduleConverter implements ITypeConverter<Diary> {
        @Override
        public Diary convert(String text) {
            try {
                boolean file = Files.exists(Path.of(text)) || text.endsWith(".json") || text.contains("/");
                return file ? Schedules.read(Path.of(text)) : Schedules.named(text);
            } catch (TrainingException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    private static Augmentation augmented(TrainingOptions recipe) {
        return recipe.augmentation().equals(Augmentation.NONE) ? Augmentation.STANDARD : recipe.augmentation();
    }

    /**
     * The options of a checkpoint with what may be given again.
     *
     * @param output the folder that the checkpoint lies in
     */
    public TrainingOptions forResumed(TrainingOptions begun, Path output) {
        // --epochs alone lifts a limit that --steps has set before.
        long lastStep = steps != null ? steps : epochs != null ? 0 : begun.steps();
        return CommandFailure.checked(() -> begun.toBuilder()
                .epochs(epochs == null ? begun.epochs() : epochs)
                .steps(lastStep)
                .earlyStop(earlyStop == null ? begun.earlyStop() : earlyStop)
                .checkpointEvery(checkpointEvery == null ? begun.checkpointEvery() : checkpointEvery)
                .loaderThreads(loaderThreads())
                .output(output)
                .build());
    }

    /** Decoding JPEG files must keep up with the devices, which share the cores with it. */
    public static int loaderThreads() {
        return Math.max(1, Runtime.getRuntime().availableProcessors() / 2);
    }

    /** With --resume no option may change the course of a training that has begun. */
    public static void checkResumable(ParseResult parsed) {
        List<String> refused = parsed.matchedOptions().stream().map(OptionSpec::longestName)
                .filter(name -> !ALLOWED_WITH_RESUME.contains(name)).toList();
        if (!refused.isEmpty()) {
            throw CommandFailure.usage(String.join(" and ", refused) + " cannot be given with --resume, which goes on as the training "
                    + "began; start a new training to change " + (refused.size() == 1 ? "it" : "them"));
        }
    }
}
