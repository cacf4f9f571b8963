package duet.cli.commands;

import java.util.List;
import java.util.concurrent.Callable;

import duet.cli.options.AblationOptions;
import duet.cli.options.DeviceOptions;
import duet.cli.options.ModeConverter;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Layout;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.PlanChecker;
import duet.plan.PlanComparison;
import duet.plan.PlanReport;
import duet.plan.Planner;
import duet.plan.StoredImages;
import duet.train.Recipe;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "plan",
        description = "Prints what each stream of each device does for one batch, what is exchanged, and what memory it takes.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet plan",
                "  ./duet plan --net alexnet --placement one --mode forward",
                "  ./duet plan --net alexnet --compare",
                "  ./duet plan --net alexnet --dot | dot -Tsvg > plan.svg"
        })
public final class PlanCommand implements Callable<Integer> {
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
        }
        faults.forEach(fault -> output.warn("the plan is not sound: " + fault));
        return faults.isEmpty() ? ExitCode.DONE : ExitCode.FAILED;
    }

    private int compare(Network network) {
        PlanComparison comparison = PlanComparison.of(devices.placements(), placement -> plan(network, placement, Layout.PLAIN));
        if (output.json()) {
            output.object(comparison);
        } else {
            output.result(network.name() + ", " + mode + ", batch " + images(network));
            output.result("");
            comparison.lines().forEach(output::result);
        }
        return ExitCode.DONE;
    }

    private int images(Network network) {
        return batch == null ? Recipe.of(network.name()).batch() : batch;
    }

    /** With options that say which devices compute or how, as that backend lays tensors out, else the bare data. */
    private Checked checked(Network network, Placement placement) {
        if (!devices.given() && !devices.saysHow()) {
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
