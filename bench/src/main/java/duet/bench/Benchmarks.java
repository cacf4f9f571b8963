package duet.bench;

import java.util.Set;

import duet.device.Backend;
import duet.device.Backends;
import org.openjdk.jmh.Main;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** JMH with its own options, every kernel of the step unless {@code -p kernel=} names some, and the share of the machine's peak. */
public final class Benchmarks {
    private Benchmarks() {}

    public static void main(String[] arguments) throws Exception {
        CommandLineOptions given = new CommandLineOptions(arguments);
        if (given.shouldHelp() || given.shouldList() || given.shouldListWithParams() || given.shouldListProfilers()
                || given.shouldListResultFormats()) {
            Main.main(arguments);
            return;
        }
        ChainedOptionsBuilder options = new OptionsBuilder().parent(given).addProfiler(LimitProfiler.class);
        if (!given.getParameter("kernel").hasValue()) {
            options.param("kernel", kernels().toArray(String[]::new));
        }
        new Runner(options.build()).run();
    }

    /** All kernels of AlexNet's training step here. */
    static Set<String> kernels() {
        try (Backend backend = Backends.open("cpu", 0)) {
            return KernelCatalog.of("alexnet", 1, backend).keySet();
        }
    }
}
