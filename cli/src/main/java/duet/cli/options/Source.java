package duet.cli.options;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

import duet.cli.output.CommandFailure;
import duet.data.source.DataSource;
import duet.data.source.Datasets;
import duet.model.Networks;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Planner;
import duet.plan.Sharing;
import duet.text.Suggestion;
import duet.text.Text;
import duet.train.FineTuning;
import duet.train.output.Checkpoint;

/** Finds the network that an option names and compares it with the data. */
public final class Source {
    public static final String DEFAULT_NETWORK = "alexnet-small";
    public static final String DEFAULT_DATA = "fashion-mnist";

    private static final int FASHION_SIDE = 28;
    private static final int FASHION_CLASSES = 10;

    private Source() {}

    /** A named network made for images of that many channels and classes, or a JSON file as it is. */
    public static Network network(String nameOrFile, int channels, int classes) {
        if (Networks.names().contains(nameOrFile)) {
            return CommandFailure.checked(() -> Networks.create(nameOrFile, channels, classes));
        }
        Path file = Path.of(nameOrFile);
        if (Files.isRegularFile(file) || nameOrFile.toLowerCase(Locale.ROOT).endsWith(".json") || nameOrFile.contains("/")) {
            return NetworkJson.read(file);
        }
        throw CommandFailure.usage("'" + nameOrFile + "' is neither a network nor a JSON file that describes one; "
                + Suggestion.of(nameOrFile, Networks.names()));
    }

    /** For a look at a network without data: the channels and classes that it was first made for. */
    public static Network network(String nameOrFile) {
        return Networks.names().contains(nameOrFile) ? Networks.create(nameOrFile) : network(nameOrFile, 0, 0);
    }

    /**
     * What is trained on without --data: Fashion-MNIST where the network reads such images, else made-up ones of its size, few enough
     * that a look at how it runs takes little time.
     */
    public static String defaultData(String nameOrFile) {
        Network network = network(nameOrFile);
        Shape input = network.input();
        boolean fits = input.channels() == 1 && input.height() <= FASHION_SIDE && input.width() <= FASHION_SIDE
                && network.classes() == FASHION_CLASSES;
        return fits ? DEFAULT_DATA
                : String.format(Locale.ROOT,
                        "synthetic:%dx%dx%d:%d:256", input.channels(), input.height(), input.width(), network.classes());
    }

    /**
     * What to look at with a trained network: what an option says, else what it was trained with.
     *
     * @param name of the checkpoint, for messages
     * @param data the option --data, or null
     */
    public static String trainedWith(Checkpoint checkpoint, String name, String data) {
        if (data == null && checkpoint.state() == null) {
            throw CommandFailure.usage(name + " does not say what it was trained with; give --data");
        }
        if (data != null) {
            CommandFailure.check(() -> DataSource.parse(data));
        }
        return data == null ? checkpoint.state().data() : data;
    }

    /** Size and classes of what an option names. */
    public static Datasets.Description describe(String data) {
        CommandFailure.check(() -> DataSource.parse(data));
        return Datasets.describe(data);
    }

    /** Whether there is such a layer, and it gives out what it makes. */
    public static void checkLayer(Network network, String name) {
        CommandFailure.check(() -> Planner.requireGiving(network, name));
    }

    /** Whether there are such layers, with parameters that can be frozen. */
    public static void checkFrozen(Network network, List<String> names) {
        CommandFailure.check(() -> names.forEach(name -> FineTuning.requireFreezable(network, name)));
    }

    /** Whether the network can be computed on one device or two as asked. */
    public static void checkPlacement(Network network, Placement placement) {
        CommandFailure.check(() -> Sharing.of(network, placement));
    }

    /** Whether a batch can be cut as asked. */
    public static void checkBatch(Placement placement, int batch) {
        CommandFailure.check(() -> Planner.checkBatch(placement, batch));
    }

    /** The seed of a training, so that the same images are held out. */
    public static long seed(Checkpoint checkpoint) {
        return checkpoint.state() == null ? 1 : checkpoint.state().options().seed();
    }

    /** Whether the network was trained with a source. */
    public static boolean learnedFrom(Checkpoint checkpoint, String data) {
        return checkpoint.state() != null && DataSource.absolute(checkpoint.state().data()).equals(DataSource.absolute(data));
    }

    public static void checkFit(Network network, String data, Datasets.Description description) {
        checkChannels(network, data, description);
        if (network.classes() != description.classes()) {
            throw CommandFailure.usage("the network " + network.name() + " has " + network.classes() + " classes, but "
                    + data + " has " + description.classes());
        }
    }

    public static void checkChannels(Network network, String data, Datasets.Description description) {
        boolean files = description.height() == 0; // are read as grey images where a network wants them so
        if (network.input().channels() != description.channels() && !(files && network.input().channels() == 1)) {
            throw CommandFailure.usage("the network " + network.name() + " reads images of "
                    + Text.count(network.input().channels(), "channel") + ", but those of " + data + " have " + description.channels());
        }
    }
}
