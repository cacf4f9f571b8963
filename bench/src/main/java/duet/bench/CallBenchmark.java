package duet.bench;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;

import duet.bindings.cpu.DuetCpu;
import duet.device.DeviceException;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What it costs to get from Java into a kernel: the floor under every operation, whatever its size. The kernels run on a team of one
 * thread and on so few numbers that the work itself hardly counts; with a larger team the figure would be that of waking threads.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 2, jvmArgsAppend = "--enable-native-access=ALL-UNNAMED")
public class CallBenchmark {
    private static final long COUNT = 16;
    private static final long BYTES = COUNT * Float.BYTES;

    private MemorySegment team;
    private MemorySegment input;
    private MemorySegment output;

    @Setup
    public void allocate() {
        team = DuetCpu.duet_team_create(1);
        input = DuetCpu.duet_allocate(BYTES);
        output = DuetCpu.duet_allocate(BYTES);
        if (team.address() == 0 || input.address() == 0 || output.address() == 0) {
            throw new DeviceException("cpu: there is no memory or no thread left for this benchmark; end other programs");
        }
    }

    @TearDown
    public void free() {
        DuetCpu.duet_free(output, BYTES);
        DuetCpu.duet_free(input, BYTES);
        DuetCpu.duet_team_destroy(team);
    }

    /** No argument, one result. */
    @Benchmark
    public int noArguments() {
        return DuetCpu.duet_vector_width();
    }

    /** Five arguments, three of them addresses: 16 floats are scaled. */
    @Benchmark
    public int scale16() {
        return DuetCpu.duet_scale(team, COUNT, input, 0.5f, output);
    }

    /** Nine arguments, three of them addresses: 16 floats are copied. */
    @Benchmark
    public int copyBlock16() {
        return DuetCpu.duet_copy_block(team, 1, COUNT, input, COUNT, 0, output, COUNT, 0);
    }
}
