package duet.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.bindings.KernelCode;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What bench/gpu/run.sh starts, on the virtual GPU, without JMH, which is not in its archive. */
@Tag("sim")
class CardProgramsTest {
    @TempDir
    Path folder;

    @BeforeEach
    void somethingToRun() {
        assumeTrue(!KernelCode.load().modules().isEmpty(), "this build has no CUDA kernels: no nvcc was found");
        assumeTrue(VirtualGpu.problem().isEmpty(), () -> VirtualGpu.problem().orElse(""));
    }

    private List<JsonNode> run(String... arguments) throws Exception {
        String path = Stream.of(System.getProperty("java.class.path").split(File.pathSeparator)).filter(entry -> !entry.contains("jmh"))
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", path,
                "--enable-native-access=ALL-UNNAMED"));
        System.getProperties().stringPropertyNames().stream().filter(key -> key.startsWith("duet."))
                .forEach(key -> command.add("-D" + key + "=" + System.getProperty(key)));
        command.addAll(List.of(arguments));
        File output = folder.resolve("output").toFile();
        File errors = folder.resolve("errors").toFile();
        int rc = new ProcessBuilder(command).redirectOutput(output).redirectError(errors).start().waitFor();
        assertEquals(0, rc, Files.readString(errors.toPath()));
        List<JsonNode> lines = new ArrayList<>();
        for (String line : Files.readAllLines(output.toPath())) {
            lines.add(new ObjectMapper().readTree(line));
        }
        lines.forEach(line -> assertFalse(line.toString().matches("(?i).*(milliseconds|second|flops).*"), line.toString()));
        return lines;
    }

    @ParameterizedTest
    @ValueSource(strings = {"fp32", "bf16x3", "bf16"})
    void aStepWithoutATime(String precision) throws Exception {
        List<JsonNode> lines = run("duet.bench.Throughput", "alexnet-small", "2", "virtual:0", "5", precision);
        assertEquals(1, lines.size());
        assertEquals(precision, lines.getFirst().path("precision").asText());
        assertTrue(lines.getFirst().path("lastLoss").asDouble() > 0, lines.toString());
        assertEquals("the virtual GPU tells no time", lines.getFirst().path("note").asText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"fp32", "bf16"})
    void aProfileWithoutTimes(String precision) throws Exception {
        List<JsonNode> lines = run("duet.bench.Profile", "alexnet-small", "2", "virtual:0", precision, "3");
        assertEquals(3, lines.size());
        for (JsonNode line : lines) {
            assertTrue(line.path("kernel").asText().startsWith("conv"), line.toString());
            assertTrue(line.path("flop").asLong() > 0 && line.path("bytes").asLong() > 0, line.toString());
            assertEquals(!precision.equals("fp32"), line.path("launch").asText().contains(precision), line.toString());
        }
    }
}
