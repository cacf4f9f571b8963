package duet.cli;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.data.DamageReport;
import duet.data.Dataset;
import duet.data.Datasets;
import duet.data.Split;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.Checkpoint;
import duet.train.Classifier;
import duet.train.Metrics;
import duet.train.TrainingListener;

import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "evaluate",
        description = "Measures loss, top-1 and top-5 accuracy of a trained network over the validation images.",
        footerHeading = "%nExamples:%n",
        footer = {
            "  ./duet evaluate --checkpoint runs/long",
            "  ./duet evaluate --checkpoint runs/long/checkpoint.safetensors --data folder:pictures --json"
        })
final class EvaluateCommand implements Callable<Integer> {
    @Option(names = "--checkpoint", paramLabel = "PATH", required = true,
            description = "A training's output folder or one checkpoint file.")
    private Path path;

    @Option(names = "--data", paramLabel = "SOURCE", description = "As for train (default: what the network was trained with).")
    private String data;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "128", converter = Numbers.PositiveInteger.class,
            description = "Images that go through at once (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--strict", description = "Stop at the first damaged file instead of skipping it.")
    private boolean strict;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Placement placement = devices.placement(Placement.ONE_DEVICE);
        Checkpoint checkpoint = Checkpoint.read(path, output::warn);
        String source = source(checkpoint);
        Source.checkFit(checkpoint.network(), source, Datasets.describe(source));
        long seed = checkpoint.state() == null ? 1 : checkpoint.state().options().seed();
        DamageCount damage = new DamageCount(output);
        try (Split split = Datasets.open(source, checkpoint.network().input(), seed, strict ? DamageReport.STRICT : damage);
                Backend backend = devices.open(placement);
                Classifier classifier = Classifier.create(checkpoint, placement, backend, batch)) {
            output.say("devices  " + devices.describe(backend));
            output.say("data     " + split.validation().description());
            print(split.validation(), classifier.evaluate(split.validation(), TrainingListener.SILENT), damage);
        }
        damage.summarize();
        return Main.DONE;
    }

    private String source(Checkpoint checkpoint) {
        if (data != null) {
            return data;
        }
        if (checkpoint.state() == null) {
            throw CommandFailure.usage(path + " does not say what it was trained with; give --data");
        }
        return checkpoint.state().data();
    }

    private void print(Dataset images, Metrics metrics, DamageCount damage) {
        long measured = images.size() - damage.count();
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("loss", metrics.loss());
            object.put("top1", metrics.top1());
            object.put("top5", metrics.top5());
            object.put("images", measured);
            output.object(object);
        } else {
            output.result("accuracy " + Text.percent(metrics.top1()) + " of " + Text.count(measured, "image") + " (top-5 "
                    + Text.percent(metrics.top5()) + "), loss " + Text.loss(metrics.loss()));
        }
    }
}
