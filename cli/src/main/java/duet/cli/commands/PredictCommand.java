package duet.cli.commands;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.BestOption;
import duet.cli.options.DeviceOptions;
import duet.cli.options.Numbers;
import duet.cli.output.ExitCode;
import duet.cli.output.Failures;
import duet.cli.output.Output;
import duet.data.DataException;
import duet.data.source.Datasets;
import duet.data.source.ImageFiles;
import duet.device.Backend;
import duet.files.Reasons;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.use.Classifier;
import duet.use.Classifier.Prediction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "predict",
        customSynopsis = "duet predict [OPTIONS] RUN IMAGE...",
        description = "Says what is on pictures: the most probable classes of each.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet predict runs/long shoe.png",
                "  ./duet predict runs/long --top 3 --json pictures",
                "  curl -s https://example.org/shoe.jpg | ./duet predict runs/long -"
        })
public final class PredictCommand implements Callable<Integer> {
    private static final String STANDARD_INPUT = "-";
    /** More than any image that is read. */
    private static final int MOST_BYTES = 1 << 29;

    @Spec
    private CommandSpec spec;

    @Option(names = "--checkpoint", paramLabel = "PATH", description = "In place of RUN; then every other argument is an IMAGE.")
    private Path checkpoint;

    @Parameters(index = "0", arity = "0..1", paramLabel = "RUN", hideParamSyntax = true,
            description = "A training's output folder or one checkpoint file.")
    private Path run;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "IMAGE...", hideParamSyntax = true,
            description = "JPEG, PNG, GIF, BMP or PPM files of any size; folders, with all images in them and below; '-': one image from "
                    + "standard input.")
    private List<Path> images = new ArrayList<>();

    @Option(names = "--top", paramLabel = "K", defaultValue = "5", converter = Numbers.PositiveInteger.class,
            description = "How many classes are named, at most all that there are (default: ${DEFAULT-VALUE}).")
    private int top;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        List<Path> asked = new ArrayList<>(images);
        if (checkpoint != null && run != null) {
            asked.addFirst(run);
        }
        Path path = checkpoint == null ? run : checkpoint;
        if (path == null || asked.isEmpty()) {
            throw new ParameterException(spec.commandLine(),
                    "name a training's output folder or a checkpoint, and what to look at: ./duet predict RUN IMAGE...");
        }
        if (checkpoint == null && ImageFiles.isImage(run)) {
            throw new ParameterException(spec.commandLine(),
                    run + " is an image, but a training's output folder or a checkpoint comes first: ./duet predict RUN IMAGE...");
        }
        Checkpoint trained = best.read(path, output);
        Placement placement = devices.placement(trained.network(), Placement.ONE_DEVICE);
        boolean allFine = true;
        try (Backend backend = devices.open(placement); Classifier classifier = Classifier.create(trained, placement, backend, 1)) {
            for (Path each : asked) {
                allFine &= predict(classifier, trained, each);
            }
        }
        return allFine ? ExitCode.DONE : ExitCode.FAILED;
    }

    /** @return false if something cannot be read; the others go on */
    private boolean predict(Classifier classifier, Checkpoint trained, Path path) {
        try {
            boolean allFine = true;
            if (Files.isDirectory(path)) {
                for (Path image : ImageFiles.below(path)) {
                    allFine &= predict(classifier, trained, image);
                }
            } else {
                print(path, classifier.classify(pixels(path, trained)));
            }
            return allFine;
        } catch (DataException e) {
            output.warn(Failures.sentence(e));
            return false;
        }
    }

    private static byte[] pixels(Path image, Checkpoint trained) {
        if (!image.toString().equals(STANDARD_INPUT)) {
            return Datasets.readImage(image, trained.stored());
        }
        try {
            return Datasets.readImage("standard input", System.in.readNBytes(MOST_BYTES), trained.stored());
        } catch (IOException e) {
            throw new DataException("standard input cannot be read: " + Reasons.of(e), e);
        }
    }

    private void print(Path image, List<Prediction> all) {
        List<Prediction> best = all.subList(0, Math.min(top, all.size()));
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("image", image.toString());
            object.put("predictions", best);
            output.object(object);
            return;
        }
        output.result(image.toString());
        for (Prediction prediction : best) {
            output.result(String.format(Locale.ROOT, "  %6.2f %%  %s", 100 * prediction.probability(), prediction.name()));
        }
    }
}
