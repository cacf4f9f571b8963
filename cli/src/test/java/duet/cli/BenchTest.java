package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.cli.bench.BenchResult;
import duet.cli.bench.Spread;
import duet.device.MachinePeak;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BenchTest {
    /** A peer in the shell: it tells its arguments, then 1 image a second for each step that it is asked for. */
    private static final String READY = "{\\\"peer\\\": \\\"fake\\\", \\\"version\\\": \\\"1\\\", \\\"variant\\\": \\\"v\\\", "
            + "\\\"result\\\": 2.5, \\\"arguments\\\": \\\"$*\\\"}";
    private static final String PEER = """
            echo "%s"
            while read -r steps; do echo "{\\"images_per_second\\": $steps, \\"peak_bytes\\": 4096}"; done
            """.formatted(READY);

    @TempDir
    Path folder;

    private String script(String name, String text) throws IOException {
        return "sh " + Files.writeString(folder.resolve(name), text);
    }

    private static Outcome bench(String... more) {
        List<String> arguments = new java.util.ArrayList<>(
                List.of("bench", "--net", "alexnet-small", "--batch", "2", "--devices", "cpu", "--threads", "1",
                        "--steps", "3"));
        arguments.addAll(List.of(more));
        return Outcome.of(arguments.toArray(String[]::new));
    }

    @Test
    void oursAndThePeersRunInTurnsAndTheFastestPeerCounts() throws IOException {
        Path file = folder.resolve("run.json");
        String slow = script("slow", PEER.replace("fake", "slow").replace("$steps", "0.5"));
        Outcome outcome = bench("--pairs", "4", "--peer", slow, "--peer", script("peer", PEER), "-o", file.toString());
        assertEquals(0, outcome.code(), outcome.toString());
        JsonNode result = new ObjectMapper().readTree(Files.readString(file));
        JsonNode step = result.at("/measurements/0");
        assertEquals("alexnet-small train, batch 2, fp32, 1 cpu device, 1 thread", step.path("name").asText());
        assertEquals(4, step.path("turns").size());
        assertEquals(3, step.path("steps").asInt());
        assertTrue(step.path("planBytes").asLong() > 1_106_186 * 8, "weights and momentum: " + step);
        JsonNode ratio = result.at("/measurements/1");
        assertEquals("fake 1, v", ratio.path("peer").asText());
        JsonNode peer = result.at("/peers/1");
        assertEquals("--net alexnet-small --mode train --batch 2 --precision fp32 --threads 1", peer.at("/description/arguments").asText());
        assertEquals(4096, peer.path("peakBytes").asLong());
        for (int i = 0; i < 4; i++) {
            assertEquals(3, peer.at("/turns/" + i).asDouble(), "as many steps as ours");
            assertEquals(step.at("/turns/" + i).asDouble() / 3, peer.at("/ratios/" + i).asDouble(), 1e-9);
        }
        assertEquals(step.path("value").asDouble() / 3, ratio.path("value").asDouble(), 1e-9);
        assertTrue(result.at("/peak/multiplyAddGflops").asDouble() > 1, result.at("/peak").toString());
        assertTrue(outcome.out().contains("times as fast as fake 1, v, the fastest peer"), outcome.out());
        assertFalse(result.at("/machine/processor").asText().isEmpty());
    }

    @Test
    void forwardIsMeasuredToo() throws IOException {
        Outcome outcome = bench("--mode", "forward", "--pairs", "1", "--json");
        assertEquals(0, outcome.code(), outcome.toString());
        JsonNode result = new ObjectMapper().readTree(outcome.out());
        assertTrue(result.at("/measurements/0/name").asText().startsWith("alexnet-small forward, batch 2"));
        assertEquals(1, result.path("measurements").size(), "without a peer there is no ratio");
    }

    /** The name says it, so that a result is not compared with one in another precision, and the peers are told. */
    @Test
    void thePrecisionIsThatOfBoth() throws IOException {
        Outcome outcome = bench("--precision", "bf16", "--pairs", "1", "--json", "--peer", script("peer", PEER));
        assertEquals(0, outcome.code(), outcome.toString());
        JsonNode result = new ObjectMapper().readTree(outcome.out());
        assertEquals("alexnet-small train, batch 2, bf16, 1 cpu device, 1 thread", result.at("/measurements/0/name").asText());
        assertEquals("bf16", result.path("precision").asText());
        assertEquals("--net alexnet-small --mode train --batch 2 --precision bf16 --threads 1",
                result.at("/peers/0/description/arguments").asText());
    }

    /** A peer in float against Duet in bf16: what the command says itself is not said again. */
    @Test
    void aPeerKeepsItsOwnOptions() throws IOException {
        Outcome outcome = bench("--precision", "bf16", "--pairs", "1", "--json", "--peer", script("peer", PEER) + " --precision fp32");
        assertEquals(0, outcome.code(), outcome.toString());
        assertEquals("--precision fp32 --net alexnet-small --mode train --batch 2 --threads 1",
                new ObjectMapper().readTree(outcome.out()).at("/peers/0/description/arguments").asText());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "echo warning >&2; echo 'no module named torch' >&2; exit 3 | has ended with exit code 3: no module named torch",
            "exit 0                                                     | has ended with exit code 0 and said nothing",
            "echo hello                                                 | prints 'hello' where one JSON object was expected",
            "echo '{}'                                                  | prints an object without 'peer'",
            "echo '{\"peer\": \"p\", \"variant\": \"v\", \"result\": \"NaN\"}' | gives \"NaN\": it does not work",
            "echo '{\"peer\": \"p\", \"variant\": \"v\", \"result\": 1, \"parameters\": 7000}' | runs a network of 7,000 parameters, but "
                    + "alexnet-small has 1,106,186",
            "echo '{\"peer\": \"p\", \"variant\": \"v\", \"result\": 1}'; read x; echo 'killed by me' >&2; exit 9 | has ended with exit "
                    + "code 9: killed by me",
    })
    void aPeerThatFailsIsNamedWithItsLastWords(String text, String message) throws IOException {
        String peer = script("peer", text);
        Outcome outcome = bench("--pairs", "2", "--peer", peer);
        assertEquals(1, outcome.code(), outcome.toString());
        assertTrue(outcome.err().startsWith("duet: the peer '" + peer + "' " + message), outcome.err());
        assertEquals(1, outcome.errLines().size());
    }

    /** The programs in bench/peers speak the protocol by protocol.py: here with an engine that does nothing. */
    @Test
    void aPeerInPython() throws Exception {
        assumeTrue(new ProcessBuilder("sh", "-c", "python3 -c 'import json'").start().waitFor() == 0, "python3 is here");
        Path peers = Path.of("../bench/peers").toRealPath();
        Path program = Files.writeString(folder.resolve("nothing.py"), """
                import sys
                sys.dont_write_bytecode = True
                sys.path.insert(0, sys.argv.pop(1))
                import protocol
                a = protocol.options("Nothing.", ["alexnet-small"], ("train", "forward"), ("fp32",), ["quick"], "quick")
                protocol.serve("nothing", "3", a, 1106186, lambda: 0.5)
                """);
        Path file = folder.resolve("run.json");
        Outcome outcome = bench("--pairs", "2", "--peer", "python3 " + program + " '" + peers + "'", "-o", file.toString());
        assertEquals(0, outcome.code(), outcome.toString());
        JsonNode peer = new ObjectMapper().readTree(file.toFile()).at("/peers/0");
        assertEquals(
                "{\"peer\":\"nothing\",\"version\":\"3\",\"variant\":\"quick\",\"net\":\"alexnet-small\",\"mode\":\"train\",\"batch\":2,"
                        + "\"precision\":\"fp32\",\"threads\":1,\"parameters\":1106186,\"result\":0.5}",
                peer.path("description").toString());
        assertEquals(2, peer.path("turns").size());
        assertTrue(peer.path("peakBytes").asLong() > 1 << 20, peer.toString());
    }

    @Test
    void ratiosAreTakenPairByPair() {
        BenchResult result = new BenchResult(128, 1, null);
        result.add(10, List.of(5.0, 2.0));
        result.add(30, List.of(10.0, 40.0));
        result.add(20, List.of(20.0, 10.0));
        assertEquals(List.of(2.0, 3.0, 1.0), result.ratios(0));
        assertEquals(0, result.best(), "both have the median 10: the first");
        assertEquals(9, result.turns());
        assertEquals(new Spread(1, 1.5, 2, 2.5, 3), Spread.of(result.ratios(0)));
    }

    @Test
    void theBetterPeakCounts() {
        assertEquals(new MachinePeak(2, 3, 0, 5, 9), new MachinePeak(2, 3, 0, 4, 9).best(new MachinePeak(2, 1, 0, 5, 6)));
    }

    private Path measurements(String name, String processor, String... measurements) throws IOException {
        return Files.writeString(folder.resolve(name), """
                {"date": "2026-11-27T10:00:00Z", "machine": {"processor": "%s", "instructionSet": "AVX2"},
                 "peak": {"multiplyAddGflops": 100, "readGigabytes": 10, "updateGigabytes": 20}, "measurements": [%s]}
                """.formatted(processor, String.join(",", measurements)));
    }

    private static String measurement(String name, double value, String unit) {
        return "{\"name\": \"%s\", \"value\": %s, \"unit\": \"%s\"}".formatted(name, value, unit);
    }

    @Test
    void whatHasBecomeSlowerFails() throws IOException {
        Path then = measurements("then.json", "P", measurement("a", 100, "images/s"), measurement("b", 50, "ns"),
                measurement("gone", 1, "s"));
        Path now = measurements("now.json", "P", measurement("a", 91, "images/s"), measurement("b", 60, "ns"), measurement("new", 1, "s"));
        Outcome outcome = Outcome.of("bench", "compare", now.toString(), then.toString());
        assertEquals(1, outcome.code(), outcome.toString());
        assertTrue(outcome.out().lines().anyMatch(line -> line.matches("a +100 +91\\.0 +images/s +0\\.91")), outcome.out());
        assertTrue(outcome.out().lines().anyMatch(line -> line.matches("b +50\\.0 +60\\.0 +ns +0\\.83  SLOWER")),
                "a longer time: " + outcome.out());
        assertTrue(outcome.out().contains("new: not in the baseline"), outcome.out());
        assertEquals(0, Outcome.of("bench", "compare", now.toString(), then.toString(), "--tolerance", "0.2").code());
        assertEquals(0, Outcome.of("bench", "compare", then.toString(), then.toString()).code());
    }

    @Test
    void anotherMachineIsToldApart() throws IOException {
        Path then = measurements("then.json", "P", measurement("a", 1, "GB/s"));
        Path now = measurements("now.json", "Q", measurement("a", 1, "GB/s"));
        assertTrue(
                Outcome.of("bench", "compare", now.toString(), then.toString()).err().contains("different machines: Q, AVX2, and P, AVX2"));
        Path other = measurements("other.json", "Q", measurement("c", 1, "GB/s"));
        Outcome nothing = Outcome.of("bench", "compare", other.toString(), then.toString());
        assertEquals(1, nothing.code());
        assertTrue(nothing.err().contains("no measurement in common; the latter has: a"), nothing.err());
    }

    @Test
    void badFilesAreNamed() throws IOException {
        Path fine = measurements("fine.json", "P", measurement("a", 1, "GB/s"));
        Path text = Files.writeString(folder.resolve("text"), "hello");
        Path empty = Files.writeString(folder.resolve("empty"), "{}");
        Path zero = measurements("zero.json", "P", measurement("a", 0, "GB/s"));
        for (Path bad : List.of(folder.resolve("nowhere"), text, empty, zero)) {
            Outcome outcome = Outcome.of("bench", "compare", bad.toString(), fine.toString());
            assertEquals(1, outcome.code(), outcome.toString());
            assertTrue(outcome.err().startsWith("duet: " + bad), outcome.err());
            assertEquals(1, outcome.errLines().size(), outcome.err());
        }
        Outcome roofline = Outcome.of("bench", "roofline", fine.toString(), "-o", folder.resolve("r.png").toString());
        assertEquals(1, roofline.code());
        assertTrue(roofline.err().contains("holds no kernels"), roofline.err());
    }

    @Test
    void kernelsAreDrawnUnderTheirRoofs() throws IOException {
        String kernel = "{\"name\": \"%s\", \"value\": 1, \"unit\": \"GFLOP/s\", \"flop\": %s, \"bytes\": %s, \"seconds\": %s, \"share\": "
                + "0.5}";
        Path result = measurements("kernels.json", "P", kernel.formatted("conv1.forward", 6e9, 2e8, 0.12),
                kernel.formatted("norm1.backward", 1e8, 4e8, 0.04),
                kernel.formatted("fc6.finite-check", 0, 4e8, 0.04));
        Path picture = folder.resolve("r.png");
        Outcome outcome = Outcome.of("bench", "roofline", result.toString(), "-o", picture.toString(), "--json");
        assertEquals(0, outcome.code(), outcome.toString());
        assertEquals(2, outcome.outLines().size(), "a kernel without arithmetic has no place: " + outcome.out());
        assertTrue(ImageIO.read(picture.toFile()).getWidth() > 1000);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "--precision fp16          | 'fp16' is none of 'fp32', 'bf16'",
            "--mode predict            | 'predict' is neither 'train' nor 'forward'",
            "--devices virtual:0       | the virtual GPU interprets kernels on the CPU",
    })
    void whatCannotBeMeasuredIsRefused(String options, String message) {
        Outcome outcome = Outcome.of(("bench --net alexnet-small " + options).split(" +"));
        assertEquals(2, outcome.code(), outcome.toString());
        assertTrue(outcome.err().contains(message), outcome.err());
    }
}
