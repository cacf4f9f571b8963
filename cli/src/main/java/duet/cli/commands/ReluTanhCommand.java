package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.DeviceOptions;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.cli.output.WorkProgress;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Operation.Activation;
import duet.net.Shape;
import duet.pictures.Comparison;
import duet.plan.Placement;
import duet.text.Text;
import duet.use.ReluAgainstTanh;
import duet.use.ReluAgainstTanh.Course;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "relu-tanh",
        description = "Repeats the paper's figure 1: trains a four-layer network with ReLU and with tanh, each at its own learning rate "
                + "and without regularisation, and draws the training error; says after how many steps each reaches 25 %% error and "
                + "less.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet relu-tanh",
                "  ./duet relu-tanh --data cifar10:DIR --relu-lr 0.001 --tanh-lr 0.01 --steps 9400",
                "  ./duet relu-tanh --data folder:pictures --steps 3000 -o figure-1.png --json"
        })
public final class ReluTanhCommand implements Callable<Integer> {
    private static final int SMALLEST = 16;
    private static final int USUAL = 32;
    /** The paper's line, and lower ones: on data that are easier than CIFAR-10 the difference shows further down. */
    private static final double[] LEVELS = {ReluAgainstTanh.LINE, 0.20, 0.15, 0.10};

    @Option(names = "--data", paramLabel = "SOURCE", defaultValue = Source.DEFAULT_DATA,
            description = "As for train; files are scaled to 32x32 (default: ${DEFAULT-VALUE}).")
    private String data;

    @Option(names = "--steps", paramLabel = "N", defaultValue = "1500", converter = Numbers.PositiveLong.class,
            description = "Of 128 images, for each of the two trainings (default: ${DEFAULT-VALUE}).")
    private long steps;

    @Option(names = "--relu-lr", paramLabel = "RATE", converter = Numbers.Positive.class,
            description = "Learning rate with ReLU (default: " + ReluAgainstTanh.RELU_RATE + ").")
    private double reluRate = ReluAgainstTanh.RELU_RATE;

    @Option(names = "--tanh-lr", paramLabel = "RATE", converter = Numbers.Positive.class,
            description = "Learning rate with tanh (default: " + ReluAgainstTanh.TANH_RATE + ").")
    private double tanhRate = ReluAgainstTanh.TANH_RATE;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "1", converter = Numbers.Seed.class,
            description = "Key of all random numbers (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", defaultValue = "relu-tanh.png",
            description = "The PNG file to write (default: ${DEFAULT-VALUE}).")
    private Path file;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Datasets.Description description = Source.describe(data);
        boolean files = description.height() == 0;
        Shape input = new Shape(description.channels(), files ? USUAL : description.height(), files ? USUAL : description.width());
        if (Math.min(input.height(), input.width()) < SMALLEST) {
            throw CommandFailure
                    .usage("the images of " + data + " are " + input.height() + "x" + input.width() + ", but three layers of pooling need "
                            + SMALLEST + "x" + SMALLEST);
        }
        Placement placement = devices.placement(ReluAgainstTanh.network(input, description.classes(), Activation.RELU),
                Placement.TWO_TOWERS);
        try (Split split = Datasets.open(data, input, 1, DamageReport.STRICT); Backend backend = devices.open(placement)) {
            output.say("network  figure-1: three convolutions of 5x5 with pooling and the scores, batch 128, no regularisation");
            output.say("devices  " + devices.describe(backend));
            output.say("data     " + split.training().description());
            List<Course> courses = new ArrayList<>();
            for (Activation function : List.of(Activation.RELU, Activation.TANH)) {
                courses.add(train(function, split, input, placement, backend));
            }
            Comparison.draw(file, courses);
            conclude(courses);
        }
        return ExitCode.DONE;
    }

    private Course train(Activation function, Split split, Shape input, Placement placement, Backend backend) {
        double rate = function == Activation.RELU ? reluRate : tanhRate;
        try (WorkProgress progress = new WorkProgress(output, "training with " + name(function), "step")) {
            ReluAgainstTanh.Extent extent = ReluAgainstTanh.Extent.of(steps, seed);
            Course course = ReluAgainstTanh.train(function, rate, split.training(), input, extent, placement, backend,
                    (f, point) -> progress.at(point.step(), steps));
            print(course);
            return course;
        }
    }

    private void print(Course course) {
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("function", name(course.function()));
            object.put("rate", course.rate());
            Map<String, Double> reached = new LinkedHashMap<>();
            for (double level : LEVELS) {
                reached.put(Text.number(level), Double.isNaN(course.stepsTo(level)) ? null : course.stepsTo(level));
            }
            object.put("stepsToError", reached);
            object.put("points", course.points());
            output.object(object);
            return;
        }
        output.result(
                String.format(Locale.ROOT, "%-4s     learning rate %s: %s of the training images wrong after %s", name(course.function()),
                        Text.number(course.rate()), Text.percent(course.points().getLast().error()), Text.count(steps, "step")));
    }

    private void conclude(List<Course> courses) {
        for (double level : LEVELS) {
            double relu = courses.getFirst().stepsTo(level);
            double tanh = courses.getLast().stepsTo(level);
            if (!output.json() && !(Double.isNaN(relu) && Double.isNaN(tanh))) {
                output.result(String.format(Locale.ROOT, "%2.0f %%     ReLU %s, tanh %s%s", 100 * level, steps(relu), steps(tanh),
                        Double.isNaN(relu) || Double.isNaN(tanh) ? ""
                                : String.format(Locale.ROOT, ": ReLU %.1f times faster", tanh / relu)));
            }
        }
        output.say("picture  " + file);
    }

    private static String steps(double steps) {
        return Double.isNaN(steps) ? "never" : "after " + Text.count(Math.round(steps), "step");
    }

    private static String name(Activation function) {
        return function == Activation.RELU ? "ReLU" : "tanh";
    }
}
