package duet.cli.commands;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.BestOption;
import duet.cli.options.DeviceOptions;
import duet.cli.output.ExitCode;
import duet.cli.output.Failures;
import duet.cli.output.Output;
import duet.data.DataException;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.use.Classifier;
import duet.use.Classifier.Prediction;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "predict",
        description = "Says what is on pictures: the five most probable classes of each.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet predict --checkpoint runs/long shoe.png",
                "  ./duet predict --checkpoint runs/long --json pictures/*.jpg"
        })
public final class PredictCommand implements Callable<Integer> {
    private static final int SHOWN = 5;

    @Option(names = "--checkpoint", paramLabel = "PATH", required = true,
            description = "A training's output folder or one checkpoint file.")
    private Path path;

    @Parameters(arity = "1..*", paramLabel = "IMAGE", description = "JPEG or PNG files of any size.")
    private List<Path> images;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Placement placement = devices.placement(Placement.ONE_DEVICE);
        Checkpoint checkpoint = best.read(path, output);
        boolean allFine = true;
        try (Backend backend = devices.open(placement); Classifier classifier = Classifier.create(checkpoint, placement, backend, 1)) {
            for (Path image : images) {
                allFine &= predict(classifier, image);
            }
        }
        return allFine ? ExitCode.DONE : ExitCode.FAILED;
    }

    /** @return false if the image cannot be read; the others go on */
    private boolean predict(Classifier classifier, Path image) {
        try {
            List<Prediction> best = classifier.classify(image);
            print(image, best.subList(0, Math.min(SHOWN, best.size())));
            return true;
        } catch (DataException e) {
            output.warn(Failures.sentence(e));
            return false;
        }
    }

    private void print(Path image, List<Prediction> best) {
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
