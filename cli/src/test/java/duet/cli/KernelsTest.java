package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.bindings.KernelCode;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class KernelsTest {
    private static final String PTX = "duet.ptx";

    @TempDir
    Path folder;

    @Test
    @Tag("sim")
    void modelRanksLaunchesAndTellsNoTimes() {
        assumeTrue(!KernelCode.loadCubins().isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        Outcome outcome = Outcome.of("kernels", "--model", "--net", "alexnet");
        assertEquals(0, outcome.code(), outcome.toString());
        List<String> lines = outcome.outLines();
        assertTrue(lines.get(0).startsWith("A static model of an H100") && lines.get(0).contains("no measurement"), outcome.toString());
        assertTrue(lines.get(1).startsWith("alexnet, training, batch 128, fp32, one, "), outcome.toString());
        assertTrue(lines.get(3).matches("launch +kernel +blocks +waves +binds +of the limit +of the step"), outcome.toString());
        assertTrue(lines.stream().anyMatch(line -> line.matches("conv2 ConvolutionBackwardData +convolution_.* issue .*%.*%")),
                lines.toString());
        assertFalse(outcome.out().matches("(?s).*\\d (us|ms|s|microseconds|milliseconds)\\b.*"), outcome.toString());
    }

    @Test
    @Tag("sim")
    void modelAsJson() throws IOException {
        assumeTrue(!KernelCode.loadCubins().isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        Outcome outcome = Outcome.of("kernels", "--model", "--devices", "virtual:0,virtual:1", "--json");
        assertEquals(0, outcome.code(), outcome.toString());
        double sum = 0;
        boolean second = false;
        for (String line : outcome.outLines()) {
            JsonNode node = new ObjectMapper().readTree(line);
            assertEquals("static, an H100, no measurement", node.get("model").asText());
            assertTrue(node.get("share_of_limit").asDouble() > 0 && node.get("share_of_limit").asDouble() <= 1, line);
            sum += node.get("share_of_step").asDouble();
            second |= node.get("device").asInt() == 1;
        }
        assertEquals(1, sum, 1e-9);
        assertTrue(second, outcome.toString());
    }

    @Test
    void withoutMachineCodeItSaysHowToGetIt() throws IOException {
        Files.writeString(folder.resolve("modules.txt"), "");
        String before = System.setProperty(PTX, folder.toString());
        try {
            Outcome outcome = Outcome.of("kernels", "--model");
            assertEquals(1, outcome.code(), outcome.toString());
            assertEquals(1, outcome.errLines().size());
            assertTrue(outcome.err().contains("put nvcc of CUDA 13 on the PATH"), outcome.toString());
        } finally {
            if (before == null) {
                System.clearProperty(PTX);
            } else {
                System.setProperty(PTX, before);
            }
        }
    }

    @Test
    void countsAreOfThePrecision() {
        Outcome outcome = Outcome.of("kernels", "--precision", "bf16");
        assertEquals(0, outcome.code(), outcome.toString());
        assertTrue(outcome.out().contains("convolution_forward_bf16_"), outcome.toString());
    }

    @Test
    void whatNoKernelComputesIsRefused() {
        Outcome outcome = Outcome.of("kernels", "--precision", "bf16-everywhere");
        assertEquals(1, outcome.code(), outcome.toString());
        assertEquals(1, outcome.errLines().size(), outcome.toString());
        assertTrue(outcome.err().contains("bf16-everywhere"), outcome.toString());
    }
}
