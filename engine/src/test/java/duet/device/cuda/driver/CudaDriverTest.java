package duet.device.cuda.driver;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import duet.ChildJava;
import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.bindings.NativeLibraries;
import duet.device.cuda.CudaProbe;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** What a driver can be: absent, broken, old, in trouble. Each is one sentence. The virtual GPU's library stands in for a driver. */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@VirtualOnly("the virtual GPU's library stands in for a broken driver")
@ResourceLock(TestDevices.LOCK)
class CudaDriverTest {
    @TempDir
    Path folder;

    /** Lines that {@link CudaProbe} prints, with a file as libcuda.so.1; null for none at all. */
    private static List<String> probe(Path library, String... arguments) throws Exception {
        List<String> options = new ArrayList<>();
        if (library != null) {
            options.add("-Dduet.lib.cuda=" + library);
        }
        Process child = ChildJava.start(options, CudaProbe.class, arguments);
        List<String> lines = new String(child.getInputStream().readAllBytes()).lines().toList();
        assertEquals(0, child.waitFor(), lines.toString());
        return lines;
    }

    private static Path virtual() {
        return Path.of(NativeLibraries.location("duet_vgpu"));
    }

    private static void requireSentence(List<String> lines, String... parts) {
        assertEquals(2, lines.size(), lines.toString());
        for (String part : parts) {
            assertTrue(lines.getFirst().contains(part), () -> lines.getFirst() + "\nlacks: " + part);
        }
        assertTrue(lines.getFirst().startsWith("DeviceException: ") || lines.getFirst().startsWith("CudaException: "), lines.getFirst());
    }

    @Test
    void noDriver() throws Exception {
        requireSentence(probe(folder.resolve("libcuda.so.1"), "cuda:0"), "libcuda.so.1", "No such file");
    }

    @Test
    void noDriverOnThisMachine() throws Exception {
        List<String> lines = probe(null, "cuda:0");
        assumeTrue(!lines.getFirst().startsWith("opened"), "this machine has a CUDA device");
        assertTrue(lines.getFirst().startsWith("DeviceException: "), lines.getFirst());
    }

    @Test
    void withoutADriverTheDefaultIsTheCpu() throws Exception {
        List<String> lines = probe(folder.resolve("libcuda.so.1"), "default");
        assertTrue(lines.getFirst().startsWith("opened: 2 CPU devices"), lines.toString());
        assertTrue(lines.getLast().contains("No such file"), lines.toString());
    }

    @Test
    void withADriverTheDefaultIsCuda() throws Exception {
        assertTrue(probe(virtual(), "default").getFirst().startsWith("opened: 2 CUDA devices: "));
        assertTrue(probe(virtual(), "default", "devices=1").getFirst().startsWith("opened: 2 CUDA devices on one card: "));
    }

    @Test
    void brokenDriver() throws Exception {
        Path file = Files.writeString(folder.resolve("libcuda.so.1"), "not a library");
        requireSentence(probe(file, "cuda:0"), file.toString());
    }

    @Test
    void aDriverThatLacksFunctions() throws Exception {
        Path source = Files.writeString(folder.resolve("driver.c"), "int cuInit(unsigned flags) { return 0; }\n");
        Path library = folder.resolve("libcuda.so.1");
        try {
            Process compiler = new ProcessBuilder("cc", "-shared", "-fPIC", "-o", library.toString(), source.toString()).inheritIO()
                    .start();
            assertEquals(0, compiler.waitFor());
        } catch (IOException e) {
            assumeTrue(false, "there is no C compiler");
        }
        List<String> lines = probe(library, "cuda:0");
        requireSentence(lines, library.toString(), "lacks", "cuGraphLaunch", "newer NVIDIA driver");
        assertFalse(lines.getFirst().contains("cuInit"), lines.getFirst());
    }

    @Test
    void aDriverThatDoesNotStart() throws Exception {
        requireSentence(probe(virtual(), "cuda:0", "fail-call=cuInit:1:100"), "cuInit", "CUDA_ERROR_NO_DEVICE", "--devices cpu");
        requireSentence(probe(virtual(), "cuda:0", "fail-call=cuInit:1:803"), "cuInit", "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH");
    }

    @Test
    void anOldDriver() throws Exception {
        requireSentence(probe(virtual(), "cuda:0", "driver=11020"), "CUDA 11.2", "11.4");
    }

    @Test
    void anOldCard() throws Exception {
        List<String> lines = probe(virtual(), "cuda:0", "compute=70");
        requireSentence(lines, "compute capability 7.0", "8.0");
    }

    /** Who did not ask for CUDA gets the CPU, and `duet devices` says why. */
    @Test
    void aCardThatIsTooOldIsNotTheDefault() throws Exception {
        List<String> lines = probe(virtual(), "default", "compute=70");
        assertTrue(lines.getFirst().startsWith("opened: 2 CPU devices"), lines.toString());
        assertTrue(lines.getLast().contains("compute capability 7.0"), lines.toString());
    }

    @Test
    void withoutKernelsTheDefaultIsTheCpu() throws Exception {
        Files.writeString(folder.resolve("modules.txt"), "");
        List<String> options = List.of("-Dduet.lib.cuda=" + virtual(), "-Dduet.ptx=" + folder);
        for (String devices : List.of("default", "cuda:0")) {
            Process child = ChildJava.start(options, CudaProbe.class, devices);
            String output = new String(child.getInputStream().readAllBytes());
            assertTrue(
                    output.startsWith(
                            devices.equals("default") ? "opened: 2 CPU devices" : "DeviceException: this build has no CUDA kernels"),
                    output);
            assertTrue(output.contains("nvcc"), output);
        }
    }

    @Test
    void aCardThatIsNotThere() throws Exception {
        requireSentence(probe(virtual(), "cuda:7"), "cuda:7 does not exist", "cuda:0 to cuda:1");
    }

    @Test
    void everyCallOfOpeningMayFail() throws Exception {
        for (String function : List.of("cuDriverGetVersion", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName",
                "cuDevicePrimaryCtxRetain",
                "cuStreamCreate")) {
            requireSentence(probe(virtual(), "cuda:0", "fail-call=" + function + ":1:999"), function, "CUDA_ERROR_UNKNOWN");
        }
    }
}
