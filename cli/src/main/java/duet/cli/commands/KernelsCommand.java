package duet.cli.commands;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.cli.options.DeviceOptions;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.Json;
import duet.cli.output.Output;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.device.VirtualGpu;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.text.Table;
import duet.text.Text;
import duet.train.Recipe;
import duet.train.Trainer;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
        name = "kernels",
        description = {
                "Counts what each CUDA kernel does in one training step: instructions, bytes, how well its accesses are coalesced and "
                        + "free of bank conflicts. The counts come from the virtual GPU, which runs the kernels' PTX on the CPU; it "
                        + "reports no times.",
                "sectors and wavefronts are what was needed over the least possible: 1.00 is ideal. main loop: the shared-memory "
                        + "wavefronts of the innermost loop with the most multiply-adds.",
                "With --model nothing is run: a static model of an H100 reads the kernels' machine code and says what binds each launch "
                        + "and what share of the card's limit it may reach. It ranks kernels; it is no measurement."
        },
        footerHeading = "%nExamples:%n",
        footer = {"  ./duet kernels", "  ./duet kernels --net alexnet --batch 1",
                "  ./duet kernels --net alexnet --devices virtual:0,virtual:1", "  ./duet kernels --precision bf16",
                "  ./duet kernels --net alexnet --batch 128 --model"})
public final class KernelsCommand implements Runnable {
    @Option(names = "--net", paramLabel = "NET", defaultValue = Source.DEFAULT_NETWORK,
            description = "A named network or a JSON file (default: ${DEFAULT-VALUE}).")
    private String net;

    @Option(names = "--batch", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Images in the step (default: 2, with --model as in training).")
    private Integer batch;

    @Option(names = "--devices", paramLabel = "LIST", defaultValue = "virtual:0",
            description = "Virtual devices: 'virtual:0' or 'virtual:0,virtual:1' for two towers (default: ${DEFAULT-VALUE}).")
    private String devices;

    @Option(names = "--model", description = "Show the static model of an H100 instead of counts; the virtual GPU is not needed.")
    private boolean model;

    @Option(names = "--precision", paramLabel = "NAME", converter = DeviceOptions.PrecisionConverter.class, defaultValue = "fp32",
            description = "Of convolutions and fully connected layers, as for 'train' on CUDA devices (default: ${DEFAULT-VALUE}).")
    private Precision precision;

    @Mixin
    private Output output;

    @Override
    public void run() {
        if (!devices.matches("virtual:\\d+(\\s*,\\s*virtual:\\d+)?")) {
            throw CommandFailure.usage("--devices " + devices + ": only the virtual GPU counts; use virtual:0 or virtual:0,virtual:1");
        }
        if (model) {
            Network network = Source.network(net);
            int images = batch == null ? Recipe.of(network.name()).batch() : batch;
            new ModelledStep(network, placement(), images, precision).show(output);
            return;
        }
        Map<String, Map<String, Long>> counters = step(batch == null ? 2 : batch);
        String findings = VirtualGpu.findings();
        if (output.json()) {
            counters.forEach((kernel, counts) -> {
                Map<String, Object> object = new LinkedHashMap<>();
                object.put("kernel", kernel);
                object.putAll(counts);
                output.object(object);
            });
        } else {
            table(counters).forEach(output::result);
        }
        findings.lines().forEach(line -> output.warn("the virtual GPU has found: " + line));
    }

    private Placement placement() {
        return devices.contains(",") ? Placement.TWO_TOWERS : Placement.ONE_DEVICE;
    }

    private Map<String, Map<String, Long>> step(int images) {
        Network network = Source.network(net);
        Shape input = network.input();
        String data = String.format(Locale.ROOT,
                "synthetic:%dx%dx%d:%d:%d", input.channels(), input.height(), input.width(), network.classes(), 2 * images);
        try (Split split = Datasets.open(data, input, 1, DamageReport.STRICT);
                Backend backend = Backends.open(devices, CpuOptions.DEFAULT.withPrecision(precision));
                Trainer trainer = Trainer.create(network, placement(), backend, split,
                        Recipe.of(network.name(), images).toBuilder().steps(1).build())) {
            String[] counters = new String[1];
            VirtualGpu.reset();
            trainer.train(new TrainingListener() {
                @Override
                public void step(Metrics metrics) {
                    counters[0] = VirtualGpu.counters();
                    trainer.requestStop(); // no validation
                }
            });
            return Json.counters(counters[0]);
        }
    }

    private static List<String> table(Map<String, Map<String, Long>> counters) {
        Table table = new Table("lrrrrrrrrrr");
        table.row("kernel", "launches", "warp instr.", "fma", "tensor", "SIMT", "MB read", "MB written", "sectors", "wavefronts",
                "main loop");
        counters.entrySet().stream().sorted(Comparator.comparingLong(entry -> -entry.getValue().get("warp_instructions")))
                .forEach(entry -> {
                    Map<String, Long> c = entry.getValue();
                    table.row(entry.getKey(), Text.count(c.get("launches")), Text.count(c.get("warp_instructions")),
                            percent(c.get("fma"), c.get("warp_instructions")),
                            percent(c.get("tensor"), c.get("warp_instructions")),
                            percent(c.get("thread_instructions"), 32 * c.get("warp_instructions")),
                            megabytes(c.get("global_load_bytes")), megabytes(c.get("global_store_bytes")),
                            ratio(c.get("global_sectors"), c.get("global_sectors_ideal")),
                            ratio(c.get("shared_wavefronts"), c.get("shared_wavefronts_ideal")),
                            ratio(c.get("main_loop_shared_wavefronts"), c.get("main_loop_shared_wavefronts_ideal")));
                });
        return table.lines();
    }

    private static String percent(long part, long whole) {
        return whole == 0 ? "" : String.format(Locale.ROOT, "%.0f %%", 100.0 * part / whole);
    }

    private static String ratio(long actual, long ideal) {
        return ideal == 0 ? "" : String.format(Locale.ROOT, "%.2f", (double) actual / ideal);
    }

    private static String megabytes(long bytes) {
        return String.format(Locale.ROOT, "%.2f", bytes / 1e6);
    }
}
