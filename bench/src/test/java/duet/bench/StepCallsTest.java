package duet.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

import duet.bindings.KernelCode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a step asks of the driver, whatever the network: one launch of a graph, and the batch's copies. Counted by the stub driver. */
@Tag("sim")
class StepCallsTest {
    private static final Path STUB = Path.of("../native/build/stub/libduet_stub_driver.so");

    @Test
    void aStepIsOneLaunch() throws Exception {
        assumeTrue(!KernelCode.load().modules().isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        assumeTrue(Files.exists(STUB), "the stub driver has not been built beside these tests");
        Process child = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), "--enable-native-access=ALL-UNNAMED", "-Xmx2g", "-Dduet.lib.cuda=" + STUB,
                StepCalls.class.getName()).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Map<String, Integer> calls = new HashMap<>();
        for (String line : new String(child.getInputStream().readAllBytes()).lines().toList()) {
            calls.put(line.split(" ")[0], Integer.valueOf(line.split(" ")[1]));
        }
        assertEquals(0, child.waitFor());
        assertTrue(calls.get("captured") > 100, "launches in two graphs: " + calls.get("captured"));
        assertEquals(StepCalls.STEPS, calls.get("cuGraphLaunch"));
        assertEquals(StepCalls.STEPS * 2 * 3, calls.get("cuMemcpyHtoDAsync_v2"), "images, crops and labels for each of two devices");
        for (String function : StepCalls.FUNCTIONS) {
            if (!function.equals("cuGraphLaunch") && !function.equals("cuMemcpyHtoDAsync_v2")) {
                assertEquals(0, calls.get(function), function);
            }
        }
    }
}
