package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.DeviceOptions;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.options.TrainedOptions;
import duet.cli.options.TrainingArguments;
import duet.cli.output.CommandFailure;
import duet.cli.output.DamageCount;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.cli.output.Processes;
import duet.cli.output.WorkProgress;
import duet.data.Dataset;
import duet.data.Split;
import duet.data.source.Part;
import duet.device.Backend;
import duet.net.Network;
import duet.pictures.DeconvolutionSheet;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Activations;
import duet.use.Deconvolution;
import duet.use.Deconvolution.Unit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "deconvolution",
        description = "Draws what the features of a layer look for (Zeiler and Fergus 2013): for each the images that excite it most, and "
                + "what of them does, projected from its strongest unit back to the pixels. Where branches meet on the way "
                + "back, as in GoogLeNet, it follows the strongest. On one device.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet picture deconvolution runs/long --layer conv3 -o conv3.png",
                "  ./duet picture deconvolution runs/long --layer conv5 --feature 3,17,40 --part training -o conv5.png --json"
        })
final class PictureDeconvolutionCommand implements Callable<Integer> {
    @Mixin
    private TrainedOptions trained;

    @Option(names = "--layer", paramLabel = "NAME", description = "Whose features (default: the last convolution).")
    private String layer;

    @Option(names = "--feature", paramLabel = "N", split = ",", converter = Numbers.Count.class,
            description = "Which channels of the layer, from 0 (default: those that are excited most).")
    private List<Integer> chosen = new ArrayList<>();

    @Option(names = "--features", paramLabel = "N", defaultValue = "12", converter = Numbers.PositiveInteger.class,
            description = "How many channels are drawn where --feature does not say which (default: ${DEFAULT-VALUE}).")
    private int features;

    @Option(names = "--top", paramLabel = "N", defaultValue = "9", converter = Numbers.PositiveInteger.class,
            description = "Images of each (default: ${DEFAULT-VALUE}).")
    private int top;

    @Option(names = "--part", paramLabel = "PART", defaultValue = "validation", converter = TrainedOptions.TwoParts.class,
            description = "'training' or 'validation' images (default: ${DEFAULT-VALUE}).")
    private Part part;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true, description = "The PNG file to write.")
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
        if (!placement.equals(Placement.ONE_DEVICE)) {
            throw CommandFailure.usage("features are projected back on one device; name one, such as --devices cpu");
        }
        String name = layer == null ? lastConvolution(checkpoint.network()) : layer;
        Source.checkLayer(checkpoint.network(), name);
        checkChosen(checkpoint.network().shape(name).channels(), name);
        DamageCount damage = new DamageCount(output);
        try (Split split = trained.open(checkpoint, damage); Backend backend = devices.open(placement)) {
            Dataset images = TrainedOptions.of(part, split);
            output.say("devices  " + devices.describe(backend));
            output.say("data     " + images.description());
            Checkpoint looking = checkpoint.storedAs(images.stored());
            List<List<Unit>> found = strongest(looking, name, backend, images);
            if (Processes.first()) {
                List<List<Unit>> drawn = drawn(found);
                DeconvolutionSheet.write(file, looking, name, backend, images, drawn);
                print(name, drawn);
            }
        }
        damage.summarize();
        return ExitCode.DONE;
    }

    private static String lastConvolution(Network network) {
        List<String> convolutions = Deconvolution.convolutions(network);
        if (convolutions.isEmpty()) {
            throw CommandFailure.usage(network.name() + " has no convolution; name a layer: --layer NAME");
        }
        return convolutions.getLast();
    }

    private void checkChosen(int channels, String name) {
        for (int feature : chosen) {
            if (feature >= channels) {
                throw CommandFailure.usage("--feature " + feature + ": " + name + " has features 0 to " + (channels - 1));
            }
        }
    }

    private List<List<Unit>> strongest(Checkpoint checkpoint, String name, Backend backend, Dataset images) {
        try (Activations activations = Activations.create(checkpoint, name, Placement.ONE_DEVICE, backend, trained.batch(),
                Processes.joined());
                WorkProgress progress = new WorkProgress(output, "looking at", "image")) {
            return Deconvolution.strongest(activations, images, top, TrainingArguments.loaderThreads(), new TrainingListener() {
                @Override
                public void validating(long done, long total) {
                    progress.at(done, total);
                }
            });
        }
    }

    /** The chosen ones in the given order, else the most excited. */
    private List<List<Unit>> drawn(List<List<Unit>> all) {
        if (!chosen.isEmpty()) {
            return chosen.stream().map(all::get).toList();
        }
        return all.stream().filter(units -> !units.isEmpty())
                .sorted(Comparator.comparingDouble((List<Unit> units) -> units.getFirst().value()).reversed()).limit(features).toList();
    }

    private void print(String name, List<List<Unit>> drawn) {
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("picture", file.toString());
            object.put("layer", name);
            object.put("units", drawn);
            output.object(object);
        } else {
            output.result("picture  " + file);
        }
    }
}
