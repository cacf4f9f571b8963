package duet.device.cpu;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

import duet.bindings.NativeLibraries;
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

    /** The processor's name, such as {@code AMD EPYC}. */
    static String processor() {
        try (Stream<String> lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(l -> l.startsWith("model name")).map(l -> l.substring(l.indexOf(':') + 1).strip()).findFirst()
                    .orElse(System.getProperty("os.arch"));
        } catch (IOException e) {
            return System.getProperty("os.arch");
        }
    }

    static long physicalMemory() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof com.sun.management.OperatingSystemMXBean system
                ? system.getTotalMemorySize()
                : 0;
    }
}
