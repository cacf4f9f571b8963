package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;

import duet.cli.bench.BenchPeer;
import duet.cli.bench.BenchReport;
import duet.cli.bench.BenchResult;
import duet.cli.options.DeviceOptions;
import duet.cli.options.ModeConverter;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.LayerTable;
import duet.cli.output.Output;
import duet.cli.output.WorkProgress;
import duet.device.Backend;
import duet.device.Machine;
import duet.device.MachinePeak;
import duet.device.Precision;
import duet.net.Network;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.text.Text;
import duet.train.FixedBatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "bench",
        description = "Measures whole training steps, or the forward pass, on one batch of random images that stays in memory; alone or "
                + "in turns with other engines.",
        subcommands = {BenchCompareCommand.class, BenchRooflineCommand.class},
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet bench --net alexnet --devices cpu",
                "  ./duet bench --net alexnet --devices cpu --peer 'python3 bench/peers/pytorch.py --variant channels-last' -o run.json",
                "  ./duet bench --mode forward --batch 1 --devices cpu --peer 'python3 bench/peers/onnx_runtime.py' --json",
                "  ./duet bench compare run.json bench/baselines/MACHINE.json"
        })
public final class BenchCommand implements Callable<Integer> {
    /** Longer than most disturbances, short enough that both sides of a pair see the same machine. */
    private static final double SECONDS_OF_A_TURN = 4;
    private static final int WARM_UP = 2;

    @Option(names = "--net", paramLabel = "NET", defaultValue = "alexnet",
            description = "A named network or a JSON file (default: ${DEFAULT-VALUE}).")
    private String net;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "128", converter = Numbers.PositiveInteger.class,
            description = "Images in a step (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--mode", paramLabel = "MODE", defaultValue = "train", converter = ModeConverter.class,
            description = "'train': whole training steps; 'forward': without gradients (default: ${DEFAULT-VALUE}).")
    private Mode mode;

    @Option(names = "--steps", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Steps in a turn (default: as many as take about 4 s).")
    private Integer steps;

    @Option(names = "--pairs", paramLabel = "N", defaultValue = "5", converter = Numbers.PositiveInteger.class,
            description = "Turns of each engine (default: ${DEFAULT-VALUE}).")
    private int pairs;

    @Option(names = "--peer", paramLabel = "COMMAND",
            description = "Another engine's program, run in turns with Duet; it is started once, with --net, --mode, --batch, --precision "
                    + "and --threads appended where the command does not have them itself. May be given several times: the ratio is "
                    + "taken against the fastest.")
    private List<String> peerCommands = List.of();

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", description = "Write the result as JSON, to compare with later.")
    private Path file;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Network network = Source.network(net);
        Placement placement = devices.placement(network, Placement.ONE_DEVICE);
        List<BenchPeer> peers = new ArrayList<>();
        try (Backend backend = devices.open(placement)) {
            String kind = kind(backend);
            boolean cpu = kind.equals("cpu");
            if (!cpu && !peerCommands.isEmpty()) {
                throw CommandFailure.usage("the peers run on the CPU, Duet here on " + backend.description() + "; add --devices cpu");
            }
            if (kind.equals("virtual")) {
                throw CommandFailure.usage("the virtual GPU interprets kernels on the CPU, so its times say nothing; add --devices cpu");
            }
            output.say(devices.describe(backend));
            try (FixedBatch ours = new FixedBatch(network, placement, mode, batch, backend)) {
                // The peers come after: two engines that warm up at once would each think the machine slow.
                ours.run(WARM_UP);
                long processBytes = BenchReport.bytesUntilNow(); // before the probe of the machine takes its own
                start(peers, LayerTable.of(network).parameters());
                Machine machine = cpu ? Machine.of(backend) : null;
                BenchResult result = measure(ours, peers, cpu);
                BenchReport report = new BenchReport(name(backend), devices.precision(), machine, backend.description(), ours.bytes(),
                        processBytes, peers, result);
                report.print(output);
                if (file != null) {
                    report.write(file);
                    output.say("result  " + file);
                }
            }
        } finally {
            peers.forEach(BenchPeer::close);
        }
        return ExitCode.DONE;
    }

    /** A name that is equal for equal measurements on every machine: results are compared by it. */
    private String name(Backend backend) {
        return net + " " + mode + ", batch " + batch + ", " + devices.precision() + ", "
                + Text.count(backend.devices().size(), kind(backend) + " device") + ", "
                + Text.count(threads(), "thread");
    }

    /** {@code cpu}, {@code cuda} or {@code virtual}. */
    private static String kind(Backend backend) {
        return backend.devices().getFirst().name().replaceAll(":.*", "");
    }

    private int threads() {
        return devices.threads() == 0 ? Runtime.getRuntime().availableProcessors() : devices.threads();
    }

    /** One after the other. */
    private void start(List<BenchPeer> peers, long parameters) {
        for (String command : peerCommands) {
            output.say("starting the peer " + command);
            BenchPeer peer = new BenchPeer(command,
                    List.of("--net", net, "--mode", mode.toString(), "--batch", Integer.toString(batch), "--precision",
                            devices.precision() == Precision.FP32 ? "fp32" : "bf16", "--threads", Integer.toString(threads())));
            peers.add(peer);
            peer.awaitReady(net, parameters);
        }
    }

    private BenchResult measure(FixedBatch ours, List<BenchPeer> peers, boolean cpu) {
        int turnSteps = steps != null ? steps : Math.max(1, (int) Math.round(SECONDS_OF_A_TURN / seconds(ours, 1)));
        BenchResult result = new BenchResult(batch, turnSteps, cpu ? MachinePeak.measure(threads()) : null);
        try (WorkProgress progress = new WorkProgress(output, "measuring", "turn")) {
            long total = (long) pairs * (1 + peers.size());
            for (int pair = 0; pair < pairs; pair++) {
                List<Double> theirs = new ArrayList<>();
                // Each goes first in turn, so that a machine that slows down favours nobody.
                double own = pair % 2 == 0 ? seconds(ours, turnSteps) : 0;
                for (BenchPeer peer : peers) {
                    progress.at(result.turns() + theirs.size(), total);
                    theirs.add(peer.run(turnSteps));
                }
                own = own == 0 ? seconds(ours, turnSteps) : own;
                result.add(turnSteps * (double) batch / own, theirs);
                progress.at(result.turns(), total);
                output.say("turn " + (pair + 1) + ": " + result.line(pair, peers));
            }
        }
        if (cpu) {
            result.peak(MachinePeak.measure(threads()));
        }
        return result;
    }

    private static double seconds(FixedBatch ours, int steps) {
        long start = System.nanoTime();
        double loss = ours.run(steps);
        double seconds = (System.nanoTime() - start) * 1e-9;
        if (!Double.isFinite(loss) || loss <= 0) {
            throw new CommandFailure("the loss is " + loss + ": the step does not work, so its time means nothing");
        }
        return seconds;
    }
}
