package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.model.Safetensors;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What can be asked about trained networks: views and ensembles, features, neighbours, pictures, plots; and training on from them. */
class TrainedNetworkTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private static Path shared;

    @TempDir
    private Path here;

    private static Path run;
    private static Path other;

    @BeforeAll
    static void train() {
        run = shared.resolve("run");
        other = shared.resolve("other");
        for (Path out : List.of(run, other)) {
            Outcome outcome = Outcome.of(out.equals(run) ? Runs.train(out, 12, 0) : Runs.train(out, 5, 0, "--augment"));
            assertEquals(0, outcome.code(), outcome::toString);
        }
    }

    /** In this process, on one CPU device where a command computes. */
    private Outcome duet(String arguments) {
        return Outcome.of(
                arguments.replace("RUN", run.toString()).replace("OTHER", other.toString()).replace("HERE", here.toString()).split(" +"));
    }

    private Outcome works(String arguments) {
        Outcome outcome = duet(arguments);
        assertEquals(0, outcome.code(), outcome::toString);
        assertTrue(arguments.contains("--json") || outcome.err().isEmpty(), outcome::toString);
        return outcome;
    }

    private static void assertPicture(Path file) throws IOException {
        assertTrue(ImageIO.read(file.toFile()).getWidth() > 50, file.toString());
    }

    @Test
    void evaluatesSeveralNetworksInTenViews() throws IOException {
        Outcome outcome = works("evaluate RUN OTHER --views 10 --devices cpu --pictures HERE/report --worst 9");
        assertTrue(outcome.outLines().stream().anyMatch(line -> line.startsWith("class ") && line.contains("accuracy")), outcome::toString);
        assertTrue(
                outcome.outLines().stream()
                        .anyMatch(line -> line.startsWith("accuracy ") && line.endsWith("mean of 2 networks, 2 views")),
                outcome::toString);
        assertTrue(outcome.out().contains("views    1, the image itself, which is as large as the network's input; none mirrored, as in "
                + "training: " + run), outcome::toString);
        assertTrue(
                outcome.out().contains("views    2, the image itself, which is as large as the network's input, also mirrored: " + other),
                outcome::toString);
        assertPicture(here.resolve("report/confusion.png"));
        assertPicture(here.resolve("report/mistakes.png"));
        JsonNode json = JSON.readTree(works("evaluate RUN --devices cpu --json").out());
        assertEquals(1, json.get("views").intValue());
        assertEquals(10, json.get("classes").size());
        long images = 0;
        long right = 0;
        for (JsonNode result : json.get("classes")) {
            images += result.get("images").longValue();
            right += result.get("correct").longValue();
        }
        assertEquals(json.get("images").longValue(), images);
        assertEquals(json.get("top1").doubleValue(), (double) right / images, 1e-9);
    }

    /** The last checkpoint, or that of the best validation; an unvalidated folder has none. */
    @Test
    void theBestCheckpointIsTakenWhenAsked() throws IOException {
        JsonNode best = JSON.readTree(works("evaluate RUN --best --devices cpu --json").out());
        JsonNode last = JSON.readTree(works("evaluate RUN --devices cpu --json").out());
        assertEquals(last.get("top1"), best.get("top1"), "there is but one validation");
        Path bare = Files.createDirectory(here.resolve("bare"));
        Files.copy(run.resolve("checkpoint-00000012.safetensors"), bare.resolve("checkpoint-00000012.safetensors"));
        Outcome none = duet("evaluate HERE/bare --best --devices cpu");
        assertEquals(1, none.code());
        assertTrue(none.err().contains("holds no checkpoint of a validation, so none is the best"), none::toString);
        works("filters HERE/bare/checkpoint-00000012.safetensors --best -o HERE/f.png".replace("filters", "picture filters"));
    }

    @Test
    void featuresAreAFile() throws IOException {
        Path file = here.resolve("f.safetensors");
        works("features RUN --layer fc6 --devices cpu,cpu --part validation -o HERE/f.safetensors");
        try (Safetensors features = Safetensors.open(file)) {
            assertEquals(List.of(48L, 512L), features.entries().get("fc6").shape());
            assertEquals(48, features.longs("labels").length);
        }
        JsonNode json = JSON.readTree(works("features RUN --devices cpu --output HERE/f.safetensors --json").out());
        assertEquals("relu7", json.get("layer").textValue());
        assertEquals(480, json.get("images").intValue());
    }

    @Test
    void neighboursAreDrawn() throws IOException {
        Outcome outcome = works("neighbours RUN --queries 3 --count 4 --devices cpu -o HERE/n.png --json");
        assertEquals(3, outcome.outLines().size());
        assertEquals(4, JSON.readTree(outcome.outLines().getFirst()).get("neighbours").size());
        assertPicture(here.resolve("n.png"));
        Folders.picture(here.resolve("mine.png"), 40, 30, 1);
        assertTrue(works("neighbours RUN HERE/mine.png --devices cpu -o HERE/n.png").out().contains("mine.png: "));
    }

    @Test
    void pictures() throws IOException {
        Folders.picture(here.resolve("mine.png"), 40, 30, 1);
        works("picture filters RUN -o HERE/filters.png");
        works("picture activations RUN HERE/mine.png --layer relu3 --devices cpu,cpu -o HERE/activations.png");
        works("picture deconvolution RUN --layer relu2 --features 2 --devices cpu -o HERE/deconvolution.png");
        JsonNode json = JSON
                .readTree(works("picture deconvolution RUN --feature 5,1 --top 3 --devices cpu -o HERE/deconvolution.png --json").out());
        assertEquals("conv5", json.get("layer").textValue());
        assertEquals(5, json.get("units").get(0).get(0).get("feature").intValue());
        for (String name : List.of("filters", "activations", "deconvolution")) {
            assertPicture(here.resolve(name + ".png"));
        }
    }

    @Test
    void severalTrainingsInOnePlot() throws IOException {
        Outcome outcome = works("plot RUN OTHER --against step -o HERE/plot.png");
        assertTrue(outcome.out().contains("run: top-1 error ") && outcome.out().contains("other: top-1 error "), outcome::toString);
        assertPicture(here.resolve("plot.png"));
    }

    @Test
    void reluAgainstTanh() throws IOException {
        Outcome outcome = works("relu-tanh --data synthetic:1x28x28:4:300 --steps 12 --relu-lr 0.0005 --devices cpu -o HERE/rt.png --json");
        assertEquals(List.of("ReLU", "tanh"), outcome.outLines().stream().map(line -> read(line).get("function").textValue()).toList());
        assertPicture(here.resolve("rt.png"));
    }

    private static JsonNode read(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void trainingGoesOnFromAnotherNetwork() {
        Outcome outcome = works(
                "train --from RUN --freeze conv1,conv2 --data synthetic:1x28x28:4:64 --batch 8 --steps 2 --devices cpu --out HERE/tuned");
        assertTrue(outcome.outLines().contains("from       " + run + ": conv1, conv2, conv3, conv4, conv5, fc6, fc7; new: fc8"),
                outcome::toString);
        assertTrue(outcome.outLines().contains("frozen     conv1, conv2"), outcome::toString);
        Checkpoint before = Checkpoint.read(run);
        Checkpoint after = Checkpoint.read(here.resolve("tuned"));
        assertEquals(4, after.network().classes());
        assertTrue(Arrays.equals(before.tensors().get("conv2.weight"), after.tensors().get("conv2.weight")));
        assertFalse(Arrays.equals(before.tensors().get("conv3.weight"), after.tensors().get("conv3.weight")));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "2 | evaluate                                        | name a training's output folder or a checkpoint",
            "1 | evaluate HERE/missing                           | HERE/missing: cannot be read: no such file or folder",
            "2 | evaluate RUN --views 5                          | '5' is neither 1 nor 10",
            "1 | evaluate RUN --data synthetic:1x28x28:11         | has the class class-10, which the network does not know",
            "2 | features RUN --layer fc66 -o HERE/f             | alexnet-small has no layer fc66; did you mean \"fc6\"?",
            "2 | features RUN --layer loss -o HERE/f             | loss: makes the probabilities",
            "2 | features RUN                                    | missing required option: '--output=FILE'",
            "2 | features RUN --part test -o HERE/f              | 'test' is no part; it can be training, validation",
            "1 | features RUN -o HERE/missing/f.safetensors      | f.safetensors: cannot be written: no such file or folder",
            "1 | neighbours RUN HERE/none.png -o HERE/n.png      | none.png: cannot be read: ",
            "2 | picture activations RUN HERE/x.png --layer conv33 -o HERE/a.png | did you mean \"conv3\"?",
            "2 | neighbours RUN --layer fc66 -o HERE/n.png       | did you mean \"fc6\"?",
            "2 | picture deconvolution RUN --layer cnv3 -o HERE/d.png            | did you mean \"conv3\"?",
            "2 | evaluate RUN --devices gpu                      | unknown device 'gpu'",
            "2 | evaluate RUN --data imagenot                    | is no data source",
            "1 | picture activations RUN HERE/x.png --layer conv3 -o HERE/a.png  | x.png: cannot be read: ",
            "2 | picture deconvolution RUN --devices cpu,cpu -o HERE/d.png       | features are projected back on one device",
            "2 | picture deconvolution RUN --feature 999 -o HERE/d.png           | conv5 has features 0 to 127",
            "2 | picture                                         | say what to do: filters, activations, deconvolution",
            "1 | plot HERE/missing -o HERE/p.png                 | HERE/missing: does not exist; name a training's output folder",
            "1 | plot HERE -o HERE/p.png                         | holds no metrics.jsonl, so it is no training's output folder",
            "2 | plot RUN RUN -o HERE/p.png                      | is named twice",
            "2 | plot RUN --against time -o HERE/p.png           | --against 'time' is neither epoch nor step",
            "2 | relu-tanh --data synthetic:1x8x8:4 -o HERE/r.png | three layers of pooling need 16x16",
            "2 | train --from RUN --freeze conv9 --steps 1 --devices cpu --out HERE/t | has no layer conv9; did you mean",
            "2 | train --from RUN --freeze relu1 --steps 1 --devices cpu --out HERE/t | relu1: has no parameters that could be frozen",
            "1 | train --from HERE --steps 1 --out HERE/t        | holds no checkpoint",
            "2 | train --resume RUN --from RUN                   | --from cannot be given with --resume",
    })
    void whatIsWrongIsToldInASentence(int code, String arguments, String sentence) {
        Outcome outcome = duet(arguments);
        assertEquals(code, outcome.code(), outcome::toString);
        assertEquals(1, outcome.errLines().size(), outcome::toString);
        assertTrue(outcome.err().contains(sentence.replace("HERE", here.toString())), outcome::toString);
        assertFalse(outcome.err().contains("bug"), outcome::toString);
    }
}
