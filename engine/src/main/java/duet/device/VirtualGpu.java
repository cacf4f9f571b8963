package duet.device;

import java.lang.foreign.Arena;
import java.util.Optional;

import duet.bindings.NativeLibraries;
import duet.bindings.vgpu.DuetVgpu;

/**
 * The virtual GPU: devices {@code virtual:0}, {@code virtual:1}, ... that interpret the CUDA kernels' PTX on the CPU and check what a
 * real card does not. It is for tests and for looking at kernels, not for speed, and never tells a time. The environment variable
 * {@code DUET_VGPU} sets it up like {@link #configure}.
 */
public final class VirtualGpu {
    private VirtualGpu() {}

    /** {@return why it cannot be used, in one sentence; empty if it can} */
    public static Optional<String> problem() {
        Optional<String> library = NativeLibraries.problem("duet_vgpu");
        if (library.isPresent()) {
            return library;
        }
        int version = DuetVgpu.vgpu_abi();
        return version == DuetVgpu.VGPU_ABI() ? Optional.empty() : Optional.of(NativeLibraries.location("duet_vgpu") + " has version "
                + version + " of the virtual GPU's interface, but this program needs " + DuetVgpu.VGPU_ABI());
    }

    /**
     * Changes its settings.
     *
     * @param settings {@code key=value,key=value}; the keys are listed in duet_vgpu.h. Empty for the defaults.
     */
    public static void configure(String settings) {
        require();
        try (Arena arena = Arena.ofConfined()) {
            if (DuetVgpu.vgpu_configure(arena.allocateFrom(settings)) != 0) {
                throw new DeviceException("virtual GPU settings '" + settings + "': " + DuetVgpu.vgpu_problem().getString(0));
            }
        }
    }

    /** {@return what the checks have found since the last {@link #reset}, one line for each; empty if all is well} */
    public static String findings() {
        require();
        return DuetVgpu.vgpu_findings().getString(0);
    }

    /** {@return the counters of each kernel since the last {@link #reset}, as a JSON object} */
    public static String counters() {
        require();
        return DuetVgpu.vgpu_counters().getString(0);
    }

    /** {@return how often each driver function was called since the last {@link #reset}, as a JSON object} */
    public static String calls() {
        require();
        return DuetVgpu.vgpu_calls().getString(0);
    }

    /** Forgets findings, counters and calls. */
    public static void reset() {
        require();
        DuetVgpu.vgpu_reset();
    }

    private static void require() {
        problem().ifPresent(problem -> {
            throw new DeviceException(problem);
        });
    }
}
