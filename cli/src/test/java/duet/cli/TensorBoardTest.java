package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Event files of trainings from the command line; TensorBoard reads them where it is installed. */
class TensorBoardTest {
    /** Prints what TensorBoard finds in a folder, in both of its readers. */
    private static final String READER = """
            import json, logging, sys
            logging.disable(logging.WARNING)
            from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
            everything = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
            run = event_accumulator.EventAccumulator(sys.argv[1], size_guidance=everything)
            run.Reload()
            other = plugin_event_accumulator.EventAccumulator(sys.argv[1], size_guidance={"tensors": 0})
            other.Reload()
            graph = run.Graph()
            print(json.dumps({
                "scalars": {tag: [[event.step, event.value] for event in run.Scalars(tag)] for tag in run.Tags()["scalars"]},
                "images": {tag: [event.step for event in run.Images(tag)] for tag in run.Tags()["images"]},
                "histograms": {tag: [event.histogram_value.num for event in run.Histograms(tag)] for tag in run.Tags()["histograms"]},
                "nodes": {node.name: [node.op, list(node.input)] for node in graph.node},
                "hparams": list(run.PluginTagToContent("hparams")),
                "steps": [event.step for event in other.Tensors("loss/train")]}))
            """;

    @TempDir
    private Path temporary;

    private static List<Path> events(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().startsWith("events.out.tfevents.")).sorted().toList();
        }
    }

    private static void ok(String... arguments) {
        Outcome outcome = Outcome.of(arguments);
        assertEquals(0, outcome.code(), outcome::toString);
        assertFalse(outcome.err().contains("warning"), outcome::toString);
    }

    @Test
    void onUnlessOneSaysOtherwise() throws Exception {
        Path with = temporary.resolve("with");
        Path without = temporary.resolve("without");
        ok(Runs.train(with, 2, 0));
        ok(Runs.train(without, 2, 0, "--no-tensorboard"));
        assertEquals(1, events(with).size());
        assertEquals(List.of(), events(without));
        ok(Runs.resume(with, "--steps", "3", "--no-tensorboard"));
        ok(Runs.resume(without, "--steps", "3"));
        assertEquals(1, events(with).size());
        assertEquals(1, events(without).size());
        Runs.assertSame(with, without);
        ok("plot", with.toString(), without.toString(), "-o", temporary.resolve("plot.png").toString());
    }

    /** Killed after steps that no checkpoint has, and in the middle of writing an event; then resumed. */
    @Test
    void tensorBoardReadsIt() throws Exception {
        Process python = new ProcessBuilder("sh", "-c", "python3 -c 'import tensorboard'").redirectErrorStream(true).start();
        python.getInputStream().readAllBytes();
        assumeTrue(python.waitFor() == 0, "TensorBoard for python3 is not installed: pip install tensorboard");
        Path run = temporary.resolve("run");
        try (DuetProcess process = DuetProcess.start(temporary.resolve("err"), Runs.train(run, 100_000, 60))) {
            assertTrue(process.awaitLines("\"event\":\"train\"", 63));
            assertTrue(process.kill());
        }
        Files.write(events(run).getFirst(), new byte[] {40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3}, StandardOpenOption.APPEND);
        long last = Checkpoint.read(run).state().step() + 10; // 60, unless the kill came late
        ok(Runs.resume(run, "--steps", Long.toString(last)));
        assertEquals(2, events(run).size());

        Path script = Files.writeString(temporary.resolve("read.py"), READER);
        Process reader = new ProcessBuilder("python3", script.toString(), run.toString())
                .redirectError(temporary.resolve("said").toFile()).start();
        String printed = new String(reader.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, reader.waitFor(), () -> printed);
        JsonNode read = new ObjectMapper().readTree(printed);
        List<JsonNode> written = Runs.metrics(run).stream().filter(line -> line.contains("\"train\"")).map(TensorBoardTest::json).toList();
        assertEquals(last, written.size());
        for (int i = 0; i < written.size(); i++) {
            JsonNode point = read.at("/scalars/loss~1train").get(i);
            assertEquals(written.get(i).get("step").longValue(), point.get(0).longValue(), "steps after the checkpoint are there once");
            assertEquals(written.get(i).get("loss").doubleValue(), point.get(1).doubleValue(), 1e-6);
        }
        assertEquals(last, read.at("/scalars/loss~1train").size());
        assertEquals(LongStream.rangeClosed(1, last).boxed().toList().toString(), read.get("steps").toString().replace(",", ", "));
        assertTrue(read.at("/scalars/loss~1validation").toString().matches("\\[\\[60,.*\\[" + last + ",[^,]*]"), printed);
        for (String tag : List.of("confusion", "filters")) {
            assertTrue(read.at("/images/" + tag).toString().matches("\\[60,.*" + last + "]"), printed);
        }
        assertTrue(read.at("/histograms/parameters~1conv1.weight").toString().matches("\\[800\\.0(,800\\.0)+]"), printed);
        assertEquals("[\"convolution\",[\"input\"]]", read.at("/nodes/conv1").toString());
        assertEquals("[\"_hparams_/experiment\",\"_hparams_/session_start_info\",\"_hparams_/session_end_info\"]",
                read.get("hparams").toString());
    }

    private static JsonNode json(String line) {
        try {
            return new ObjectMapper().readTree(line);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }
}
