package duet.device.cpu;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import duet.bindings.NativeLibraries;
import duet.bindings.cpu.DuetCpu;
import duet.device.DeviceException;

/** The native library and the processor that it runs on. */
final class CpuLibrary {
    static final String NAME = "duet_cpu";

    private CpuLibrary() {}

    /** Throws a sentence that says why if the library cannot be used; before the first call of a native function. */
    static void require() {
        NativeLibraries.problem(NAME).ifPresent(problem -> {
            throw new DeviceException("the CPU kernels cannot be loaded: " + problem);
        });
    }

    /**
     * Throws a sentence if a kernel says that it did not do its work.
     *
     * @param status what the native function returned
     * @param whose  the layer or tensor, for the message
     * @param what   it was to do, such as {@code ConvolutionForward}
     */
    static void requireDone(int status, String whose, String what) {
        if (status == DuetCpu.DUET_DONE()) {
            return;
        }
        throw new DeviceException(whose + ": " + (status == DuetCpu.DUET_NO_MEMORY()
                ? "the CPU kernels ran out of memory in " + what + "; try a smaller --batch, or end other programs"
                : "the CPU kernels failed in " + what + " with status " + status));
    }

    /** The processor's name, such as {@code AMD EPYC}. */
    static String processor() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(l -> l.startsWith("model name")).map(l -> l.substring(l.indexOf(':') + 1).strip()).findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException | UncheckedIOException e) {
            return System.getProperty("os.arch");
        }
    }

    static long physicalMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : 0;
    }
}
