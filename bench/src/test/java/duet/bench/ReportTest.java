package duet.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** result.json and summary.txt of a folder such as bench/gpu/run.sh leaves; its numbers are invented. */
class ReportTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private List<String> summary;
    private JsonNode result;

    private static String time(String engine, String variant, String precision, int batch, double milliseconds) {
        return JSON.createObjectNode().put("engine", engine).put("variant", variant).put("precision", precision).put("batch", batch)
                .put("devices", "cuda:0").put("milliseconds", milliseconds).toString();
    }

    @BeforeEach
    void report() throws IOException {
        Files.write(folder.resolve("machine.txt"),
                List.of("command: run.sh cuda:0", "date: 2000-01-01T00:00:00Z", "card: Invented, 1.0, 1980 MHz"));
        Files.write(folder.resolve("clocks.csv"), List.of("345, 2619, 70.1, 0", "1700, 2619, 600.5, 98", "1800, 2619, 640.2, 100",
                "1750, 2619, 630, 99", "[N/A], 2619, 1, 99", "17"));
        Files.write(folder.resolve("stages.jsonl"), List.of(
                "{\"stage\":\"probes\",\"rc\":0,\"seconds\":12,\"found\":\"7 probes right, 0 wrong\"}",
                "{\"stage\":\"tests-bf16\",\"rc\":1,\"seconds\":9,\"found\":\"1 failed\"}",
                "{\"stage\":\"step-bf16-128\",\"rc\":124,\"seconds\":15,\"found\":\"\"}",
                "{\"stage\":\"pytorch-128\",\"rc\":3,\"seconds\":1,\"found\":\"there is no python3\"}",
                "{\"stage\":\"conformance\",\"rc\":null,\"seconds\":0,\"found\":\"no time was left\"}"));
        Files.write(folder.resolve("probes.jsonl"), List.of(
                "{\"probe\":\"copy\",\"correct\":true,\"found\":\"a copy reads and writes 3.00 TB/s\"}",
                "{\"probe\":\"l2\",\"correct\":false,\"found\":\"L2\"}", "{\"probe\":\"hmma\",\"corr"));
        Files.write(folder.resolve("profile.jsonl"), List.of("{\"kernel\":\"conv2.forward\",\"precision\":\"bf16\",\"batch\":128,"
                + "\"milliseconds\":0.125,\"teraflops\":400.04,\"terabytesPerSecond\":1.5,"
                + "\"modelMilliseconds\":0.117,\"binds\":\"tensor\"}"));
        Files.write(folder.resolve("times.jsonl"), List.of(
                time("duet", "one device", "fp32", 128, 16), time("duet", "one device", "fp32", 128, 15),
                time("duet", "one device", "fp32", 128, 17),
                time("duet", "one device", "bf16x3", 128, 5), time("duet", "one device", "bf16x6", 128, 8),
                time("duet", "one device", "bf16", 128, 2),
                time("duet", "two towers", "bf16", 128, 1), time("duet", "one device", "bf16", 1024, 12),
                time("pytorch", "eager", "fp32", 128, 20), time("pytorch", "eager graph", "fp32", 128, 12),
                time("pytorch", "eager", "TF32 convolutions", 128, 10), time("pytorch", "eager", "TF32", 128, 7.5),
                time("pytorch", "eager", "bf16 autocast", 128, 4), time("pytorch", "eager", "fp16", 128, 0.5),
                "{\"engine\":\"pytorch\",\"variant\":\"compile\",\"precision\":\"fp32\",\"batch\":128,"
                        + "\"devices\":\"cuda:0\",\"error\":\"no compiler\"}"));
        Report.main(new String[] {folder.toString()});
        summary = Files.readAllLines(folder.resolve("summary.txt"));
        result = JSON.readTree(folder.resolve("result.json").toFile());
    }

    private double ratio(String precision, int batch) {
        double ratio = 0;
        for (JsonNode one : result.path("ratios")) {
            if (one.path("precision").asText().equals(precision) && one.path("batch").asInt() == batch) {
                assertEquals(0, ratio, "twice");
                ratio = one.path("ratio").asDouble();
            }
        }
        return ratio;
    }

    /** PyTorch's best of the same class over the median of ours on one device. */
    @Test
    void ratiosAreWithinAClass() {
        assertEquals(12 / 16.0, ratio("fp32", 128));
        assertEquals(12 / 8.0, ratio("bf16x6", 128));
        assertEquals(7.5 / 5, ratio("bf16x3", 128));
        assertEquals(4 / 2.0, ratio("bf16", 128));
        assertEquals(0, ratio("bf16", 1024), "PyTorch has no time there");
        assertEquals(4, result.path("ratios").size());
        assertTrue(summary.contains("  fp32 (PyTorch with TF32 off), batch 128: PyTorch's best is 'eager graph' in fp32, 12.000 ms"),
                summary.toString());
        assertTrue(summary.contains("    Duet in bf16x6 8.000 ms: 1.50"), summary.toString());
        assertTrue(summary.stream().anyMatch(line -> line.contains("batch 1024: no ratio without PyTorch")), summary.toString());
    }

    @Test
    void unknownPrecisionsAreTimesOnly() {
        assertTrue(summary.stream().anyMatch(line -> line.contains("fp16") && line.endsWith(": 0.500, 256,000")), summary.toString());
        assertFalse(result.path("ratios").toString().contains("0.5,"));
    }

    @Test
    void stagesSayHowTheyEnded() {
        List<String> stages = summary.stream().filter(line -> line.startsWith("stage ")).toList();
        assertEquals(5, stages.size());
        List<String> endings = List.of("ok: 7 probes right", "FAILED (1): 1 failed", "STOPPED after 15 s", "skipped: there is no python3",
                "not run: no time was left");
        for (int i = 0; i < endings.size(); i++) {
            assertTrue(stages.get(i).contains(endings.get(i)), stages.get(i));
        }
        assertEquals(5, result.path("stages").size());
    }

    @Test
    void whatWasFoundIsTold() {
        assertTrue(summary.contains("date: 2000-01-01T00:00:00Z") && summary.contains("card: Invented, 1.0, 1980 MHz"), summary.toString());
        assertTrue(summary.contains("clocks: 1750 MHz while busy (median of 3; 1700 to 1800)"), summary.toString());
        assertTrue(summary.contains("probe copy: a copy reads and writes 3.00 TB/s"), summary.toString());
        assertTrue(summary.contains("probe l2: WRONG; L2"), summary.toString());
        assertTrue(summary.stream().anyMatch(line -> line.startsWith("probes.jsonl has a line that is not whole")), summary.toString());
        assertEquals(2, result.path("probes").size());
        assertTrue(summary.stream().anyMatch(line -> line.startsWith("kernel conv2.forward") && line.contains("0.125 ms, 400.0 TFLOP/s")),
                summary.toString());
        assertTrue(summary.stream().anyMatch(line -> line.contains("compile") && line.endsWith(": no compiler")), summary.toString());
    }
}
