package duet.cli.commands;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.DamageCount;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.data.Dataset;
import duet.data.ImageStatistics;
import duet.data.PrincipalColours;
import duet.data.SampleSheet;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.data.source.FileSizes;
import duet.data.source.LoaderSpeed;
import duet.net.Network;
import duet.net.Shape;
import duet.text.Text;
import duet.train.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "info",
        description = "Shows how many images there are, of which size and which classes, some of them as a picture, and how fast they "
                + "load.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet data info fashion-mnist --grid samples.png",
                "  ./duet data info folder:pictures --grid training.png --net googlenet",
                "  ./duet data info folder:pictures --check",
                "  ./duet data info shards:imagenet-256 --bench"
        })
final class DataInfoCommand implements Callable<Integer> {
    /** A network's input for files of mixed sizes, which are stored for some network. */
    private static final Shape USUAL_INPUT = new Shape(3, 227, 227);
    private static final int GRID_ROWS = 6;
    private static final int GRID_COLUMNS = 8;
    private static final int BENCH_BATCH = 128;
    private static final double BENCH_SECONDS = 5;

    @Parameters(index = "0", paramLabel = "SOURCE", description = "As for train --data.")
    private String source;

    @Option(names = "--check",
            description = "Read every image and name those that are damaged; exit code 1 if there are any. Also counts images of one "
                    + "colour, such as transparent ones that became white, and names classes with few images.")
    private boolean check;

    @Option(names = "--grid", paramLabel = "FILE", description = "Write a PNG of 48 training images, spread evenly, with their classes.")
    private Path grid;

    @Option(names = "--net", paramLabel = "NET",
            description = "The sheet of --grid shows images as the training of this network sees them: in each row one image, first as it "
                    + "is stored, then as in the first epochs (without colour noise).")
    private String net;

    @Option(names = "--bench",
            description = "Measure how many images a second the loader makes with the paper's augmentation, and decoding of JPEG files by "
                    + "libjpeg-turbo and by Java: about 20 s.")
    private boolean bench;

    @Option(names = "--threads", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Threads of --bench (default: one for each core).")
    private Integer threads;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        if (net != null && grid == null) {
            throw CommandFailure.usage("--net does nothing without a sheet; give --grid FILE, too, or leave it out");
        }
        Datasets.Description description = Source.describe(source);
        Network network = net == null ? null : Source.network(net, description.channels(), description.classes());
        Shape input = network != null ? network.input()
                : description.height() == 0 ? USUAL_INPUT
                : new Shape(description.channels(), description.height(), description.width());
        DamageCount damage = new DamageCount(output);
        try (Split split = Datasets.open(source, input, 1, damage)) {
            Map<String, Object> object = print(description, split);
            if (grid != null) {
                SampleSheet.writePng(grid, network == null ? SampleSheet.draw(split.training(), GRID_ROWS, GRID_COLUMNS)
                        : SampleSheet.drawTraining(split.training(), input, Recipe.of(network.name()).augmentation(), 1, GRID_ROWS,
                                GRID_COLUMNS));
                object.put("grid", grid.toString());
                say("picture    " + grid);
            }
            if (bench) {
                measure(split.training(), object);
            }
            if (check) {
                Census census = Census.of(List.of(split.training(), split.validation()));
                object.put("damaged", damage.count());
                object.put("oneColour", census.oneColour());
                object.put("imagesOfClasses", census.ofClasses());
                say("damaged    " + Text.count(damage.count(), "file"));
                census.findings(split.training().classNames()).forEach(this::say);
            }
            if (output.json()) {
                output.object(object);
            }
        }
        return damage.count() == 0 || !check ? ExitCode.DONE : ExitCode.FAILED;
    }

    private void say(String line) {
        if (!output.json()) {
            output.result(line);
        }
    }

    private Map<String, Object> print(Datasets.Description description, Split split) {
        Map<String, Object> object = new LinkedHashMap<>();
        object.put("source", source);
        object.put("channels", description.channels());
        object.put("height", description.height());
        object.put("width", description.width());
        object.put("training", split.training().size());
        object.put("validation", split.validation().size());
        object.put("classes", split.training().classNames());
        say("training   " + split.training().description());
        say("validation " + split.validation().description());
        FileSizes sizes = FileSizes.of(split.training());
        if (sizes != null) {
            object.put("fileSizes", sizes);
        }
        say("images     " + (description.height() == 0
                ? description.channels() + " channels, " + (sizes == null ? "mixed sizes" : sizes.leastWidth() + " to " + sizes.mostWidth()
                        + " wide and " + sizes.leastHeight() + " to " + sizes.mostHeight() + " high (" + Text.count(sizes.files())
                        + " JPEG files looked at)")
                : description.channels() + "x" + description.height() + "x" + description.width()));
        say("classes    " + description.classes() + ": " + String.join(description.classes() == split.training().classNames().size()
                && split.training().classNames().stream().anyMatch(name -> name.contains(",")) ? "; " : ", ",
                split.training().classNames()));
        ImageStatistics statistics = split.training().statistics();
        if (statistics != null) {
            object.put("meanColour", statistics.meanColour());
            say("mean       " + levels(statistics.meanColour()) + " (of 255)");
        }
        if (statistics != null && statistics.covariance() != null) {
            PrincipalColours colours = statistics.principalColours();
            object.put("colourVariances", colours.variances());
            object.put("colourAxes", colours.axes());
            for (int axis = 0; axis < colours.variances().length; axis++) {
                say(String.format(Locale.ROOT, "%-11sdeviation %.2f along", axis == 0 ? "colours" : "",
                        Math.sqrt(colours.variances()[axis]))
                        + direction(colours.axes()[axis]));
            }
        }
        return object;
    }

    private static String levels(double[] colour) {
        StringBuilder text = new StringBuilder();
        for (double level : colour) {
            text.append(String.format(Locale.ROOT, text.isEmpty() ? "%.2f" : ", %.2f", level));
        }
        return text.toString();
    }

    private static String direction(double[] axis) {
        StringBuilder text = new StringBuilder();
        for (double component : axis) {
            text.append(String.format(Locale.ROOT, " %6.3f", component));
        }
        return text.toString();
    }

    private void measure(Dataset training, Map<String, Object> object) {
        int used = threads == null ? Runtime.getRuntime().availableProcessors() : threads;
        output.say("measuring on " + Text.count(used, "thread") + " ...");
        LoaderSpeed.Decoding decoding = LoaderSpeed.decoding(training, BENCH_SECONDS / 2);
        LoaderSpeed.Result speed = LoaderSpeed.measure(training, Math.min(BENCH_BATCH, training.size()), used, BENCH_SECONDS);
        object.put("speed", speed);
        say("loader     " + Text.rate(speed.loaded()) + " images/s of " + training.stored() + ", batch " + speed.batch() + ", "
                + Text.count(used, "thread"));
        say("prepared   " + Text.rate(speed.prepared()) + " images/s with crop to " + speed.input().height() + "x" + speed.input().width()
                + ", mirror, mean and colour noise done on the CPU");
        if (decoding != null) {
            object.put("decoding", decoding);
            say("decoding   " + (decoding.turbo() > 0
                    ? Text.rate(decoding.turbo()) + " JPEG files/s on one thread by libjpeg-turbo, " + Text.rate(decoding.imageIo())
                            + " by Java: " + Text.rate(decoding.turbo() / decoding.imageIo()) + " times as fast"
                    : Text.rate(decoding.imageIo()) + " JPEG files/s on one thread by Java; libjpeg-turbo is not installed "
                            + "(apt-get install libturbojpeg0)"));
        }
    }
}
