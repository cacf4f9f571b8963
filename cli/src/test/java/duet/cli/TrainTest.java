package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.device.Precision;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Train, go on, evaluate, predict. */
class TrainTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path temporary;

    @Test
    void writesWhatItSays() throws Exception {
        Path out = temporary.resolve("new/run");
        Outcome outcome = Outcome.of("train", "--data", Runs.DATA, "--devices", "cpu,cpu", "--batch", "8", "--steps", "4", "--out",
                out.toString());
        assertEquals(0, outcome.code(), outcome::toString);
        assertEquals("", outcome.err(), outcome::toString);
        for (String beginning : List.of("network    alexnet-small, ", "devices    ", "data       ", "output     " + out, "step 1/4, ",
                "step 4/4, ",
                "validation at step 4", "accuracy   ", "time       ", "checkpoint " + out, "picture    " + out,
                "try        ./duet predict " + out + " IMAGE")) {
            assertTrue(outcome.outLines().stream().anyMatch(line -> line.startsWith(beginning)), beginning + " in " + outcome);
        }
        outcome.out().lines().filter(line -> line.startsWith("checkpoint ") || line.startsWith("picture "))
                .forEach(line -> assertTrue(Files.isRegularFile(Path.of(line.substring(11))), line));
    }

    @Test
    void jsonLinesAreTheMetricsFile() throws Exception {
        Path out = temporary.resolve("run");
        Outcome outcome = Outcome.of(Runs.train(out, 3, 0));
        assertEquals(0, outcome.code(), outcome::toString);
        List<String> written = Files.readAllLines(out.resolve("metrics.jsonl"));
        assertEquals(written.size(), outcome.outLines().size(), outcome::toString);
        for (int i = 0; i < written.size(); i++) {
            assertEquals(JSON.readTree(written.get(i)), JSON.readTree(outcome.outLines().get(i)));
        }
        assertEquals(3, written.stream().filter(line -> line.contains("\"train\"")).count());
    }

    @Test
    void resumingEndsWhereOneRunEnds() throws Exception {
        Path whole = temporary.resolve("whole");
        Path parts = temporary.resolve("parts");
        assertEquals(0, Outcome.of(Runs.train(whole, 6, 2)).code());
        assertEquals(0, Outcome.of(Runs.train(parts, 3, 2)).code());
        Outcome second = Outcome.of(Runs.resume(parts, "--steps", "6"));
        assertEquals(0, second.code(), second::toString);
        Runs.assertSameTensors(whole, parts);
    }

    @Test
    void resumingComputesAsBefore() throws Exception {
        Path whole = temporary.resolve("whole");
        Path parts = temporary.resolve("parts");
        assertEquals(0, Outcome.of(Runs.train(whole, 4, 2, "--precision", "bf16-everywhere", "--convolutions", "direct")).code());
        assertEquals(0, Outcome.of(Runs.train(parts, 2, 2, "--precision", "bf16-everywhere", "--convolutions", "direct")).code());
        Outcome second = Outcome.of(Runs.resume(parts, "--steps", "4"));
        assertEquals(0, second.code(), second::toString);
        Runs.assertSameTensors(whole, parts);
        assertFalse(second.toString().contains("goes on in"), second::toString);

        Outcome third = Outcome.of(Runs.resume(parts, "--steps", "5", "--precision", "fp32"));
        assertEquals(0, third.code(), third::toString);
        assertTrue(third.err().contains("was computed in bf16-everywhere, convolutions direct and goes on in fp32, convolutions direct"),
                third::toString);
        assertEquals(Precision.FP32, Checkpoint.read(parts).state().arithmetic().precision());
    }

    @Test
    void evaluatesAndPredicts() throws Exception {
        Path out = temporary.resolve("run");
        Outcome trained = Outcome.of(Runs.train(out, 3, 0));
        assertEquals(0, trained.code(), trained::toString);
        JsonNode validation = JSON.readTree(trained.outLines().getLast());

        Outcome evaluated = Outcome.of("evaluate", "--checkpoint", out.toString(), "--devices", "cpu", "--json");
        assertEquals(0, evaluated.code(), evaluated::toString);
        JsonNode result = JSON.readTree(evaluated.out());
        assertEquals(validation.get("loss").doubleValue(), result.get("loss").doubleValue(), 1e-5);
        assertEquals(validation.get("top1").doubleValue(), result.get("top1").doubleValue(), 1e-9);
        assertTrue(result.get("images").intValue() > 0);

        Path first = Folders.picture(temporary.resolve("first.png"), 40, 30, 1);
        Path bad = Files.writeString(temporary.resolve("bad.png"), "no picture");
        Path last = Folders.picture(temporary.resolve("last.png"), 28, 28, 2);
        Outcome predicted = Outcome.of("predict", "--checkpoint", out.toString(), "--json", first.toString(), bad.toString(),
                last.toString());
        assertEquals(1, predicted.code(), "a bad picture");
        assertTrue(predicted.err().contains("bad.png"), predicted::toString);
        assertEquals(1, predicted.errLines().size(), predicted::toString);
        assertEquals(2, predicted.outLines().size(), "the others go on");
        JsonNode object = JSON.readTree(predicted.outLines().getLast());
        assertEquals(last.toString(), object.get("image").textValue());
        assertEquals(5, object.get("predictions").size());
        assertTrue(object.get("predictions").get(0).get("probability").doubleValue() >= object.get("predictions").get(1).get("probability")
                .doubleValue());
    }

    @Test
    void damagedFilesAreNamedCountedAndSkipped() throws Exception {
        Path pictures = Folders.pictures(temporary.resolve("pictures"), 12, "cat", "dog");
        Files.writeString(pictures.resolve("cat/broken.jpg"), "no picture");
        Files.createFile(pictures.resolve("dog/empty.png"));
        Outcome outcome = Outcome.of("train", "--data", "folder:" + pictures, "--batch", "8", "--steps", "6", "--devices", "cpu",
                "--out", temporary.resolve("run").toString());
        assertEquals(0, outcome.code(), outcome::toString);
        assertEquals(1,
                outcome.errLines().stream().filter(line -> line.startsWith("duet: skipped ") && line.contains("broken.jpg")).count());
        assertEquals(1,
                outcome.errLines().stream().filter(line -> line.startsWith("duet: skipped ") && line.contains("empty.png")).count());
        assertTrue(outcome.errLines().getLast().startsWith("duet: 2 damaged files skipped in all"), outcome::toString);
        assertEquals(1, Outcome.of("data", "info", "folder:" + pictures, "--check").code());
        assertEquals(0, Outcome.of("data", "info", "folder:" + pictures).code());
    }
}
