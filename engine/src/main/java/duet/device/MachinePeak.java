package duet.device;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;
import java.util.function.DoubleSupplier;

import duet.bindings.NativeLibraries;
import duet.text.Text;

/**
 * What the cores of this machine can do at most, measured (native/probe): the roofs that a kernel is compared with. A machine that others
 * use, too, has another peak a minute later, so measure it beside what is compared with it.
 *
 * @param threads            that did it together
 * @param multiplyAddGflops  fp32 multiply-adds in registers, two operations each, with the widest vectors of the processor
 * @param bf16Gflops         bf16 dot products likewise; 0 if the processor has none
 * @param readGigabytes      a second, read from memory
 * @param updateGigabytes    a second, as SGD with momentum goes through memory: three arrays read, two written
 */
public record MachinePeak(int threads, double multiplyAddGflops, double bf16Gflops, double readGigabytes, double updateGigabytes) {
    private static final String LIBRARY = "duet_probe";
    /** Several times the last cache of most processors. */
    private static final long BYTES = 384L << 20;
    /** The probe of the units takes a few milliseconds; the best of these is that of an undisturbed moment. */
    private static final int UNIT_PROBES = 10;

    /** {@return why it cannot be measured, in one sentence; empty if it can} */
    public static Optional<String> problem() {
        return NativeLibraries.problem(LIBRARY);
    }

    /**
     * Measures the machine's peak, for about a second.
     *
     * @param threads that compute together
     * @return the peak
     * @throws DeviceException if the probe cannot be loaded, or there is no memory for it
     */
    public static MachinePeak measure(int threads) {
        problem().ifPresent(problem -> {
            throw new DeviceException("the machine's peak cannot be measured: " + problem);
        });
        return new MachinePeak(threads, best(() -> call("duet_probe_multiply_add", threads)), best(() -> call("duet_probe_bf16", threads)),
                call("duet_probe_read", threads, BYTES), call("duet_probe_update", threads, BYTES));
    }

    /**
     * {@return billions of operations a second of products in a precision; where the processor has none for bf16, those of fp32}
     *
     * @param precision of the factors
     */
    public double gflops(Precision precision) {
        return precision != Precision.FP32 && bf16Gflops > 0 ? bf16Gflops : multiplyAddGflops;
    }

    /** {@return billions of bytes a second, by whichever way of going through memory is faster} */
    public double memoryGigabytes() {
        return Math.max(readGigabytes, updateGigabytes);
    }

    /**
     * {@return the better of two, in every way: other programs only ever take away}
     *
     * @param other measured on the same machine
     */
    public MachinePeak best(MachinePeak other) {
        return new MachinePeak(threads, Math.max(multiplyAddGflops, other.multiplyAddGflops), Math.max(bf16Gflops, other.bf16Gflops),
                Math.max(readGigabytes, other.readGigabytes), Math.max(updateGigabytes, other.updateGigabytes));
    }

    private static double best(DoubleSupplier probe) {
        double best = 0;
        for (int i = 0; i < UNIT_PROBES; i++) {
            best = Math.max(best, probe.getAsDouble());
        }
        return best;
    }

    private static double call(String function, int threads) {
        try {
            return measured((double) handle(function, JAVA_INT).invokeExact(threads), threads);
        } catch (DeviceException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing
        }
    }

    private static double call(String function, int threads, long bytes) {
        try {
            return measured((double) handle(function, JAVA_INT, JAVA_LONG).invokeExact(threads, bytes), threads);
        } catch (DeviceException e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing
        }
    }

    private static double measured(double result, int threads) {
        if (result < 0) {
            throw new DeviceException("the machine's peak cannot be measured: it has not enough memory, or cannot start "
                    + Text.count(threads, "thread") + "; end other programs, or try fewer with --threads");
        }
        return result;
    }

    private static MethodHandle handle(String function, MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(NativeLibraries.lookup(LIBRARY).find(function).orElseThrow(),
                FunctionDescriptor.of(JAVA_DOUBLE, arguments));
    }
}
