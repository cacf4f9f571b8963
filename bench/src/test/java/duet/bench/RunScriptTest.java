package duet.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The stages of bench/gpu/run.sh, with programs of a few lines in place of its own: one ends, one fails, one hangs. */
class RunScriptTest {
    private static final Path SCRIPT = Path.of("gpu/run.sh");

    @TempDir
    Path home;

    @BeforeEach
    void programs() throws IOException {
        assumeTrue(Files.exists(SCRIPT), "run.sh is not beside this module");
        assumeTrue(Files.exists(Path.of("/bin/bash")) && Files.exists(Path.of("/usr/bin/timeout")), "the script needs bash and timeout");
        Files.createDirectories(home.resolve("runtime/bin"));
        Files.createDirectories(home.resolve("test"));
        Files.copy(SCRIPT, home.resolve("run.sh"));
        program("pytorch.sh", "echo 'no PyTorch here' >&2; exit 3");
        program("runtime/bin/java", """
                case "$*" in
                  *duet.bench.Report*) exec '%s' -cp '%s' duet.bench.Report "${@: -1}" ;;
                  *Probes*) echo '{"probe":"copy","correct":true}'; echo '{"probe":"l2","correct":false}'; exit 1 ;;
                  *Throughput*bf16x3*) sleep 100 & wait ;;
                  *Throughput*bf16x6*) echo 'Throughput: the "layer" \\ fails' >&2; exit 1 ;;
                  *Throughput*) echo '{"engine":"duet","precision":"'"${@: -1}"'","batch":2,"variant":"one device","lastLoss":6.5}' ;;
                  *ConsoleLauncher*) printf '[ %%9d tests %%s ]\\n' 12 successful 0 failed ;;
                  *record*) echo 'answers' ;;
                esac
                """.formatted(Path.of(System.getProperty("java.home"), "bin", "java"), classPath()));
    }

    /** The script goes to another folder. */
    private static String classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .map(entry -> Path.of(entry).toAbsolutePath().toString())
                .collect(Collectors.joining(File.pathSeparator));
    }

    private void program(String name, String text) throws IOException {
        Path file = Files.writeString(home.resolve(name), "#!/bin/bash\n" + text + "\n");
        assertTrue(file.toFile().setExecutable(true));
    }

    private Map<String, JsonNode> run(Map<String, String> environment, int expected) throws Exception {
        ProcessBuilder builder = new ProcessBuilder("bash", home.resolve("run.sh").toString(), "cuda:0", home.resolve("out").toString());
        builder.environment().keySet().removeIf(name -> name.startsWith("DUET_"));
        builder.environment().putAll(environment);
        Process process = builder.redirectErrorStream(true).redirectOutput(home.resolve("log").toFile()).start();
        int rc = process.waitFor();
        String log = Files.readString(home.resolve("log"));
        assertEquals(expected, rc, log);
        ObjectMapper json = new ObjectMapper();
        Map<String, JsonNode> stages = new LinkedHashMap<>();
        for (String line : Files.readAllLines(home.resolve("out/stages.jsonl"))) {
            JsonNode stage = json.readTree(line);
            assertEquals(List.of("stage", "rc", "seconds", "found"), fields(stage));
            assertEquals(null, stages.put(stage.path("stage").asText(), stage));
        }
        JsonNode result = json.readTree(home.resolve("out/result.json").toFile());
        assertEquals(stages.size(), result.path("stages").size());
        assertTrue(Files.size(home.resolve("out/summary.txt")) > 0);
        return stages;
    }

    private static List<String> fields(JsonNode node) {
        return node.properties().stream().map(Map.Entry::getKey).toList();
    }

    @Test
    void aHangCostsItsStageOnly() throws Exception {
        Map<String, JsonNode> stages = run(
                Map.of("DUET_LIMIT", "2", "DUET_STAGES", "probes|tests-fp32|step-.*-128|pytorch-128|conformance"), 1);
        assertEquals(List.of("probes", "tests-fp32", "step-fp32-128", "step-bf16x3-128", "step-bf16x6-128", "step-bf16-128", "pytorch-128",
                "conformance"), List.copyOf(stages.keySet()));
        assertEquals("1 probes right, 1 wrong", stages.get("probes").path("found").asText().strip());
        assertEquals("12 successful, 0 failed", stages.get("tests-fp32").path("found").asText().strip());
        assertEquals(0, stages.get("step-fp32-128").path("rc").asInt(-1));
        assertEquals("batch 2 in fp32: loss 6.5", stages.get("step-fp32-128").path("found").asText());
        assertEquals(124, stages.get("step-bf16x3-128").path("rc").asInt());
        assertEquals(1, stages.get("step-bf16x6-128").path("rc").asInt());
        assertEquals("Throughput: the \"layer\" \\ fails", stages.get("step-bf16x6-128").path("found").asText());
        assertEquals(0, stages.get("step-bf16-128").path("rc").asInt(-1), "a stage behind the one that hangs");
        assertEquals(3, stages.get("pytorch-128").path("rc").asInt());
        assertEquals(2, Files.readAllLines(home.resolve("out/times.jsonl")).size(), "what has failed leaves no time");
    }

    @Test
    void withoutAnyTimeLeftTheResultsSaySo() throws Exception {
        Map<String, JsonNode> stages = run(Map.of("DUET_SECONDS", "0"), 1);
        assertTrue(stages.size() > 10, stages.toString());
        stages.forEach((name, stage) -> assertTrue(stage.path("rc").isNull(), name));
        assertNotEquals(0, Files.readAllLines(home.resolve("out/summary.txt")).stream().filter(line -> line.contains("not run")).count());
    }
}
