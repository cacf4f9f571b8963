package duet.cli.commands;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import duet.cli.options.AblationOptions;
import duet.cli.options.DeviceOptions;
import duet.cli.options.ModeConverter;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.cli.output.Shell;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Layout;
import duet.device.ranks.ReplayTrace;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.PlanChecker;
import duet.plan.PlanComparison;
import duet.plan.PlanReport;
import duet.plan.Planner;
import duet.plan.RankTraffic;
import duet.plan.StoredImages;
import duet.text.Text;
import duet.train.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

@Command(
        name = "plan",
        description = "Prints what each stream of each device does for one batch, what is exchanged, and what memory it takes.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet plan",
                "  ./duet plan --net alexnet --placement one --mode forward",
                "  ./duet plan --net alexnet --compare",
                "  ./duet plan --net alexnet --batch 2048 --placement data --ranks 16 --link 100G --step 2.4",
                "  ./duet plan --net alexnet --dot | dot -Tsvg > plan.svg"
        })
public final class PlanCommand implements Callable<Integer> {
    /** Bits a second. */
    private static final double USUAL_LINK = 10e9;
    /** Floating point operations a second of a device in a trace. */
    private static final double USUAL_SPEED = 1e12;

    @Option(names = "--net", paramLabel = "NET", defaultValue = Source.DEFAULT_NETWORK,
            description = "A named network or a JSON file (default: ${DEFAULT-VALUE}).")
    private String net;

    @Option(names = "--data", paramLabel = "SOURCE", description = "Fit a named network to these data (default: what it was made for).")
    private String data;

    @Option(names = "--batch", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Images in a step (default: as in training, 128, alexnet-small 64, GoogLeNet 32).")
    private Integer batch;

    @Option(names = "--mode", paramLabel = "MODE", defaultValue = "train", converter = ModeConverter.class,
            description = "'train': a training step; 'forward': without gradients (default: ${DEFAULT-VALUE}).")
    private Mode mode;

    @Option(names = "--dot", description = "Print a drawing for Graphviz.")
    private boolean dot;

    @Option(names = "--compare", description = "Print one table of all placements that the network allows, to choose one of them.")
    private boolean compare;

    @Option(names = "--ranks", paramLabel = "N", converter = Numbers.PositiveInteger.class, defaultValue = "1",
            description = "For so many processes (mpirun -n N), each with the devices that --devices names (default: ${DEFAULT-VALUE}).")
    private int ranks;

    @Option(names = "--link", paramLabel = "SPEED", converter = LinkSpeed.class,
            description = "With --ranks: bits a second of each process's link, such as 100G (default: 10G).")
    private Double link;

    @Option(names = "--step", paramLabel = "SECONDS", converter = Numbers.Positive.class,
            description = "With --ranks: what a process computes in a step, to see what its link leaves of its speed; './duet bench' "
                    + "measures it.")
    private Double step;

    @Option(names = "--trace", paramLabel = "DIR",
            description = "With --ranks: write the step to this new or empty folder as SimGrid's 'smpirun -replay' reads it, with machines "
                    + "whose links --link describes and that compute for --step seconds (default: at 1 Tflop/s).")
    private Path trace;

    @Mixin
    private AblationOptions ablations;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        if (dot && output.json()) {
            throw CommandFailure.usage("--dot and --json exclude each other");
        }
        if (compare && dot) {
            throw CommandFailure.usage("--compare prints a table of all placements, --dot draws one of them: give one of the two");
        }
        if (trace != null && (ranks == 1 || compare || dot || output.json())) {
            throw CommandFailure.usage("--trace writes what the processes of one plan do: give --ranks, too, and neither --compare nor "
                    + "--dot nor --json");
        }
        if ((link != null || step != null) && (ranks == 1 || dot || output.json())) {
            throw CommandFailure
                    .usage((link != null ? "--link" : "--step") + " says in words what several processes exchange: give --ranks, too, "
                            + "and neither --dot nor --json");
        }
        devices.setRanks(ranks);
        devices.check(); // of several processes none is opened
        Network network = ablations.apply(network());
        if (compare) {
            return compare(network);
        }
        Placement placement = devices.placement(network);
        Source.checkBatch(placement, images(network));
        Checked checked = checked(network, placement);
        Plan plan = checked.plan();
        List<String> faults = checked.faults();
        if (output.json()) {
            output.text(PlanReport.toJson(plan));
        } else if (dot) {
            output.text(PlanReport.toDot(plan));
        } else {
            output.result(PlanReport.toText(plan).stripTrailing());
            output.result("");
            output.result(faults.isEmpty()
                    ? "The plan is sound: every read is ordered after its write by events, and no two live buffers overlap."
                    : "The plan is not sound.");
            if (ranks > 1) {
                output.result(words(RankTraffic.of(plan, placement.devices() / ranks)));
            }
        }
        if (trace != null && faults.isEmpty()) {
            writeTrace(plan, placement.devices() / ranks);
        }
        faults.forEach(fault -> output.warn("the plan is not sound: " + fault));
        return faults.isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
    }

    private void writeTrace(Plan plan, int each) {
        ReplayTrace replayed = ReplayTrace.of(plan.streams(), plan.placement().devices());
        double speed = step == null ? USUAL_SPEED : replayed.flop() / step;
        replayed.write(trace, each, speed, speed());
        output.result("trace: " + Text.count(replayed.messages(), "message") + " between " + Text.count(replayed.devices().size(), "device")
                + " of " + Text.flop((long) speed) + "/s each; replay it: cd " + Shell.word(trace) + " && "
                + String.join(" ", replayed.command()));
    }

    private double speed() {
        return link == null ? USUAL_LINK : link;
    }

    /** Such as {@code 16 processes: each receives 457 MiB a step, 38.3 ms at 100 Gbit/s; ...}. */
    private String words(RankTraffic traffic) {
        double speed = speed();
        String words = traffic.ranks() + " processes: each receives up to " + Text.bytes(traffic.received()) + " a step, "
                + Text.rate(1000 * traffic.seconds(speed)) + " ms at " + Text.rate(speed / 1e9) + " Gbit/s";
        return step == null ? words : words + "; with " + Text.number(step) + " s of computing "
                + Text.percent(traffic.leastEfficiency(speed, step)) + " of the speed if nothing of it is hidden, "
                + Text.percent(traffic.mostEfficiency(speed, step)) + " if all is";
    }

    /** A number of bits a second with M or G. */
    static final class LinkSpeed implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            Matcher matcher = Pattern.compile("(\\d{1,4}(?:\\.\\d{1,3})?)([MG])").matcher(text);
            if (!matcher.matches() || Double.parseDouble(matcher.group(1)) == 0) {
                throw new TypeConversionException("'" + text + "' is no speed such as 100G, 2.5G or 500M");
            }
            return Double.parseDouble(matcher.group(1)) * (matcher.group(2).equals("G") ? 1e9 : 1e6);
        }
    }

    private int compare(Network network) {
        PlanComparison comparison = PlanComparison.of(devices.placements(), placement -> plan(network, placement, Layout.PLAIN));
        if (output.json()) {
            output.object(comparison);
        } else {
            output.result(network.name() + ", " + mode + ", batch " + images(network));
            output.result("");
            comparison.lines().forEach(output::result);
            if (ranks > 1) {
                output.result("");
                devices.placements().stream().filter(placement -> placement.devices() % ranks == 0 && Planner.canPlace(network, placement))
                        .forEach(placement -> output.result(placement.label() + ": "
                                + words(RankTraffic.of(plan(network, placement, Layout.PLAIN), placement.devices() / ranks))));
            }
        }
        return ExitCode.DONE;
    }

    private int images(Network network) {
        return batch == null ? Recipe.of(network.name()).batch() : batch;
    }

    /** With options that say which devices compute or how, as that backend lays tensors out, else the bare data. */
    private Checked checked(Network network, Placement placement) {
        if (ranks > 1 || !devices.given() && !devices.saysHow()) { // other processes' devices are not here to be asked
            return checked(network, placement, Layout.PLAIN);
        }
        try (Backend backend = devices.open(placement)) {
            return checked(network, placement, backend);
        }
    }

    private Checked checked(Network network, Placement placement, Layout layout) {
        Plan plan = plan(network, placement, layout);
        return new Checked(plan, PlanChecker.check(plan, layout));
    }

    /** @param faults by the sizes of the layout with which it was planned */
    private record Checked(Plan plan, List<String> faults) {}

    private Plan plan(Network network, Placement placement, Layout layout) {
        Shape stored = Datasets.storedFor(network.input());
        return Planner.plan(network, placement, mode, images(network), new StoredImages(stored.height(), stored.width()), true, layout);
    }

    private Network network() {
        if (data == null) {
            return Source.network(net);
        }
        Datasets.Description description = Source.describe(data);
        Network network = Source.network(net, description.channels(), description.classes());
        Source.checkFit(network, data, description);
        return network;
    }
}
