package duet.bench;

import java.util.concurrent.TimeUnit;

import duet.device.CpuOptions;
import duet.device.Precision;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
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
 * Plan replay on the CPU: whole training steps of a small network, whose kernels are so short that what lies between them counts. With one
 * image that is nearly all there is.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Xmx2g"})
public class PlanBenchmark {
    @Param({"1", "128"})
    public int batch;

    @Param({"cpu", "cpu,cpu"})
    public String devices;

    /** In all; 0 for one for each core. */
    @Param("0")
    public int threads;

    /** Of products; both take twice as long: {@code -p precision=fp32,bf16}. */
    @Param("fp32")
    public String precision;

    private TrainingStep step;

    @Setup
    public void open() {
        step = new TrainingStep("alexnet-small", batch, devices,
                CpuOptions.DEFAULT.withThreads(threads).withPrecision(Precision.named(precision)));
    }

    @TearDown
    public void close() {
        step.close();
    }

    @Benchmark
    public double step() {
        step.start();
        return step.finish();
    }
}
