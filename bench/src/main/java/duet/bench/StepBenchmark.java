package duet.bench;

import java.util.concurrent.TimeUnit;

import duet.device.CpuOptions;
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
 * What a training step of the two-tower AlexNet costs the host: with a driver whose functions count and return, all that is left is Duet
 * itself. Run it in the repository's root, where the stub driver lies in native/build/stub.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1,
        jvmArgsAppend = {"--enable-native-access=ALL-UNNAMED", "-Dduet.lib.cuda=native/build/stub/libduet_stub_driver.so", "-Xmx2g"})
public class StepBenchmark {
    @Param("128")
    public int batch;

    private TrainingStep step;

    @Setup
    public void open() {
        step = new TrainingStep("alexnet", batch, "cuda:0,cuda:1", CpuOptions.DEFAULT);
        StubDriver.calls("cuGraphLaunch"); // throws if it is a real driver that is timed
    }

    @TearDown
    public void close() {
        step.close();
    }

    /** Start, wait and read the losses; the batch stays. */
    @Benchmark
    public double resident() {
        step.start();
        return step.finish();
    }

    /** A step with a new batch, which is copied into page-locked memory for each device: that copy is nearly all of it. */
    @Benchmark
    public double written() {
        step.write();
        step.start();
        return step.finish();
    }
}
