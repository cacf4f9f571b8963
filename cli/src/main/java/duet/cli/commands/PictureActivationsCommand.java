package duet.cli.commands;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

import duet.cli.options.BestOption;
import duet.cli.options.DeviceOptions;
import duet.cli.options.Source;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.device.Backend;
import duet.pictures.PictureOf;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.use.Activations;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "activations",
        description = "Draws what a layer makes of an image: a numbered tile for each channel, black 0 and white the highest value, blue "
                + "what is below 0, the two towers apart.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet picture activations runs/long shoe.png --layer relu3 -o relu3.png",
                "  ./duet picture activations runs/long shoe.png --layer fc6 -o fc6.png --json"
        })
final class PictureActivationsCommand implements Callable<Integer> {
    private static final int NAMED = 5;

    @Parameters(index = "0", paramLabel = "RUN", description = "A training's output folder or one checkpoint file.")
    private Path run;

    @Parameters(index = "1", paramLabel = "IMAGE", description = "A JPEG or PNG file of any size.")
    private Path image;

    @Option(names = "--layer", paramLabel = "NAME", required = true,
            description = "The layer's own output: 'conv3' before the ReLU, 'relu3' after it.")
    private String layer;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true, description = "The PNG file to write.")
    private Path file;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Checkpoint checkpoint = best.read(run, output);
        Placement placement = devices.placement(checkpoint.network(), Placement.ONE_DEVICE);
        Source.checkLayer(checkpoint.network(), layer);
        try (Backend backend = devices.open(placement);
                Activations activations = Activations.create(checkpoint, layer, placement, backend, 1)) {
            float[] values = activations.of(image);
            PictureOf.activations(file, activations, values);
            print(activations, PictureOf.strongestChannels(activations, values, NAMED));
        }
        return ExitCode.DONE;
    }

    private void print(Activations activations, List<Integer> strongest) {
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("picture", file.toString());
            object.put("layer", layer);
            object.put("strongest", strongest);
            output.object(object);
        } else {
            output.say("layer    " + layer + ", " + activations.shape() + "; strongest: channel "
                    + strongest.stream().map(String::valueOf).collect(Collectors.joining(", ")));
            output.result("picture  " + file);
        }
    }
}
