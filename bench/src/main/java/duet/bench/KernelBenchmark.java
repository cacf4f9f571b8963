package duet.bench;

import java.util.Map;
import java.util.concurrent.TimeUnit;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.MachinePeak;
import duet.device.Precision;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Each kernel of AlexNet's training step on the CPU, one at a time. Every run is a sample, and the shortest counts, as of the
 * peak's probes: on a machine with neighbours the mean is theirs. The memory is the kernel's own, larger than the caches for all large
 * layers; in a real step what the kernel before has just written may still be in them.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.SampleTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 1, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx2g"})
public class KernelBenchmark {
    /** {@link Benchmarks} puts all there are in its place. */
    @Param("conv1.forward")
    public String kernel;

    @Param("128")
    public int batch;

    /** 0 for one for each core. */
    @Param("0")
    public int threads;

    /** Of products; both take twice as long: {@code -p precision=fp32,bf16}. */
    @Param("fp32")
    public String precision;

    private Backend backend;
    private KernelRun run;

    @Setup
    public void prepare() {
        backend = Backends.open("cpu", CpuOptions.DEFAULT.withThreads(threads).withPrecision(Precision.named(precision)));
        Map<String, KernelCatalog.Kernel> kernels = KernelCatalog.of("alexnet", batch, backend);
        KernelCatalog.Kernel one = kernels.get(kernel);
        if (one == null) {
            throw new IllegalArgumentException("no kernel " + kernel + "; there are " + String.join(", ", kernels.keySet()));
        }
        run = new KernelRun(one, backend);
        LimitProfiler.measuring(one);
    }

    /** In every iteration, beside what it is compared with. */
    @Setup(Level.Iteration)
    public void probe() {
        LimitProfiler.limit(MachinePeak.measure(threads == 0 ? Runtime.getRuntime().availableProcessors() : threads));
    }

    @TearDown
    public void close() {
        run.close();
        backend.close();
    }

    @Benchmark
    public void run() {
        run.run();
    }
}
