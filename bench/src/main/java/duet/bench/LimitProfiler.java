package duet.bench;

import java.util.Collection;
import java.util.List;

import duet.device.MachinePeak;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * Says beside a kernel's time how much it does in it, and which share that is of what the machine could do: the time that its operations
 * (those that are to be done, and those of the algorithm that does them) or its bytes take at the measured peak, whichever is longer, over
 * its own. Of times the shortest counts and of peaks the highest: on a machine with neighbours the others are theirs.
 */
public final class LimitProfiler implements InternalProfiler {
    // No commas: JMH breaks the lines of its JSON there.
    static final String GFLOPS = "GFLOP/s";
    static final String GIGABYTES = "GB/s";
    static final String SHARE = "share of limit %";
    static final String OWN_SHARE = "share of limit by own FLOP %";
    static final String FLOP = "FLOP";
    static final String OWN_FLOP = "own FLOP";
    static final String BYTES = "bytes";
    static final String PEAK_GFLOPS = "peak GFLOP/s";
    static final String PEAK_BF16 = "peak GFLOP/s of bf16";
    /** Of the two peaks that of the kernel's precision. */
    static final String LIMIT_GFLOPS = "limit GFLOP/s";
    static final String PEAK_READ = "peak GB/s read";
    static final String PEAK_UPDATE = "peak GB/s update";

    private static KernelCatalog.Kernel kernel;
    private static MachinePeak peak;

    static void measuring(KernelCatalog.Kernel next) {
        kernel = next;
    }

    static void limit(MachinePeak now) {
        peak = now;
    }

    /** Of a kernel's time. */
    static double share(double flop, double bytes, double seconds, double gflops, double gigabytes) {
        return Math.max(flop / gflops, bytes / gigabytes) * 1e-9 / seconds;
    }

    @Override
    public String getDescription() {
        return "GFLOP/s, GB/s and the share of the machine's measured peak, of the kernels' benchmarks";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {}

    @Override
    public Collection<? extends Result<?>> afterIteration(BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        if (kernel == null) {
            return List.of(); // another benchmark
        }
        double seconds = result.getPrimaryResult().getStatistics().getMin() * benchmark.getTimeUnit().toNanos(1) * 1e-9;
        double limit = peak.gflops(kernel.precision());
        return List.of(scalar(GFLOPS, kernel.flop() / seconds * 1e-9), scalar(GIGABYTES, kernel.bytes() / seconds * 1e-9),
                scalar(SHARE, 100 * share(kernel.flop(), kernel.bytes(), seconds, limit, peak.memoryGigabytes())),
                scalar(OWN_SHARE, 100 * share(kernel.ownFlop(), kernel.bytes(), seconds, limit, peak.memoryGigabytes())),
                scalar(FLOP, kernel.flop()), scalar(OWN_FLOP, kernel.ownFlop()), scalar(BYTES, kernel.bytes()), scalar(LIMIT_GFLOPS, limit),
                scalar(PEAK_GFLOPS, peak.multiplyAddGflops()), scalar(PEAK_BF16, peak.bf16Gflops()),
                scalar(PEAK_READ, peak.readGigabytes()),
                scalar(PEAK_UPDATE, peak.updateGigabytes()));
    }

    private static ScalarResult scalar(String name, double value) {
        return new ScalarResult(name, value, "", AggregationPolicy.MAX); // the unit is in the name
    }
}
