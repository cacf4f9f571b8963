package duet.cli.commands;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.DeviceOptions;
import duet.cli.options.Source;
import duet.cli.options.TrainedOptions;
import duet.cli.options.TrainingArguments;
import duet.cli.output.DamageCount;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.cli.output.Processes;
import duet.cli.output.WorkProgress;
import duet.data.Dataset;
import duet.data.Split;
import duet.data.source.Part;
import duet.device.Backend;
import duet.net.Shape;
import duet.plan.Placement;
import duet.text.Text;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Activations;
import duet.use.Features;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "features",
        description = "Writes what a layer makes of each image as a safetensors file: LAYER [images][...], labels [images], indices "
                + "[images].",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet features runs/long --output fashion.safetensors",
                "  ./duet features runs/long --layer fc6 --data folder:pictures --part validation --output fc6.safetensors --json"
        })
public final class FeaturesCommand implements Callable<Integer> {
    @Mixin
    private TrainedOptions trained;

    @Option(names = "--layer", paramLabel = "NAME",
            description = "The layer's own output: 'fc7' before the ReLU, 'relu7' after it ('./duet networks NET' lists the "
                    + "layers; default: what the last fully connected layer sees).")
    private String layer;

    @Option(names = "--part", paramLabel = "PART", defaultValue = "training", converter = TrainedOptions.TwoParts.class,
            description = "'training' or 'validation' images (default: ${DEFAULT-VALUE}).")
    private Part part;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true, description = "The safetensors file to write.")
    private Path file;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Checkpoint checkpoint = trained.read(output);
        devices.setApart();
        Placement placement = devices.placement(checkpoint.network(), Placement.ONE_DEVICE);
        String name = layer == null ? Activations.lastHidden(checkpoint.network()) : layer;
        Source.checkLayer(checkpoint.network(), name);
        DamageCount damage = new DamageCount(output);
        try (Split split = trained.open(checkpoint, damage);
                Backend backend = devices.open(placement);
                Activations activations = Activations.create(
                        checkpoint.storedAs(TrainedOptions.of(part, split).stored()), name, placement, backend, trained.batch(),
                        Processes.joined());
                WorkProgress progress = new WorkProgress(output, "computing features of", "image")) {
            Dataset images = TrainedOptions.of(part, split);
            output.say("devices  " + devices.describe(backend));
            output.say("data     " + images.description());
            output.say("layer    " + name + ", " + activations.shape() + " an image");
            Features.write(file, activations, images, TrainingArguments.loaderThreads(), new TrainingListener() {
                @Override
                public void validating(long done, long total) {
                    progress.at(done, total);
                }
            });
            print(activations, images);
        }
        damage.summarize();
        return ExitCode.DONE;
    }

    private void print(Activations activations, Dataset images) {
        Shape shape = activations.shape();
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("file", file.toString());
            object.put("layer", activations.layer());
            object.put("images", images.size());
            object.put("shape", new int[] {shape.channels(), shape.height(), shape.width()});
            output.object(object);
        } else {
            output.result("features " + file + ", " + Text.count(images.size(), "image") + " x " + Text.count(shape.elements(), "number"));
        }
    }
}
