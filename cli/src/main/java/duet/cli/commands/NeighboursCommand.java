package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;

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
import duet.device.Backend;
import duet.pictures.NeighbourSheet;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Activations;
import duet.use.Neighbours;
import duet.use.Neighbours.Neighbour;
import duet.use.Neighbours.Query;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "neighbours",
        description = "Draws images beside the training images that the network sees as most alike (the paper's figure 4): the nearest in "
                + "Euclidean distance between what a layer makes of them.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet neighbours runs/long -o neighbours.png",
                "  ./duet neighbours runs/long shoe.png shirt.png --count 8 -o mine.png",
                "  ./duet neighbours runs/long --layer fc6 -o fc6.png --json"
        })
public final class NeighboursCommand implements Callable<Integer> {
    @Mixin
    private TrainedOptions trained;

    @Parameters(index = "1..*", paramLabel = "IMAGE", description = "Images to ask about (default: some of the validation images).")
    private List<Path> images = new ArrayList<>();

    @Option(names = "--layer", paramLabel = "NAME", description = "As for features (default: what the last fully connected layer sees).")
    private String layer;

    @Option(names = "--queries", paramLabel = "N", defaultValue = "6", converter = Numbers.PositiveInteger.class,
            description = "How many validation images are asked about, spread evenly over them (default: ${DEFAULT-VALUE}).")
    private int queries;

    @Option(names = "--count", paramLabel = "N", defaultValue = "6", converter = Numbers.PositiveInteger.class,
            description = "Neighbours of each (default: ${DEFAULT-VALUE}).")
    private int count;

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
        String name = layer == null ? Activations.lastHidden(checkpoint.network()) : layer;
        Source.checkLayer(checkpoint.network(), name);
        DamageCount damage = new DamageCount(output);
        try (Split split = trained.open(checkpoint, damage);
                Backend backend = devices.open(placement);
                Activations activations = Activations.create(
                        checkpoint.storedAs(split.training().stored()), name, placement, backend, trained.batch(),
                        Processes.joined());
                WorkProgress progress = new WorkProgress(output, "comparing with", "image")) {
            Dataset known = split.training();
            List<Query> asked = queries(activations.checkpoint(), split.validation());
            output.say("devices  " + devices.describe(backend));
            output.say("data     " + known.description());
            output.say("layer    " + name + ", " + activations.shape() + " an image");
            List<List<Neighbour>> found = Neighbours.find(activations, asked, known, count, TrainingArguments.loaderThreads(),
                    new TrainingListener() {
                        @Override
                        public void validating(long done, long total) {
                            progress.at(done, total);
                        }
                    });
            if (Processes.first()) {
                NeighbourSheet.write(file, asked, found, known);
                print(asked, found, known);
            }
        }
        damage.summarize();
        return ExitCode.DONE;
    }

    private List<Query> queries(Checkpoint checkpoint, Dataset validation) {
        if (!images.isEmpty()) {
            return images.stream().map(image -> Query.of(image, checkpoint)).toList();
        }
        if (validation.size() == 0) {
            throw CommandFailure.usage("there are no validation images to ask about; name images: ./duet neighbours RUN IMAGE...");
        }
        int asked = Math.min(queries, validation.size());
        List<Query> found = IntStream.range(0, asked).mapToObj(q -> Query.of(validation, (int) ((long) q * validation.size() / asked)))
                .filter(Objects::nonNull).toList();
        if (found.isEmpty()) {
            throw new CommandFailure("the validation images to ask about cannot be read; name images: ./duet neighbours RUN IMAGE...");
        }
        return found;
    }

    private void print(List<Query> asked, List<List<Neighbour>> found, Dataset known) {
        for (int q = 0; q < asked.size(); q++) {
            if (output.json()) {
                Map<String, Object> object = new LinkedHashMap<>();
                object.put("query", asked.get(q).name());
                object.put("neighbours", found.get(q).stream().map(neighbour -> Map.of("index", neighbour.index(),
                        "class", known.classNames().get(neighbour.label()), "distance", neighbour.distance())).toList());
                output.object(object);
            } else {
                output.result(asked.get(q).name() + ": " + String.join(", ",
                        found.get(q).stream().map(neighbour -> known.classNames().get(neighbour.label())).toList()));
            }
        }
        output.say("picture  " + file);
    }
}
