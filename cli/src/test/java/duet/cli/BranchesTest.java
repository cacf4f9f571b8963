package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;

import duet.model.Safetensors;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What can be asked about a network whose layers are no chain: Inception modules and an auxiliary classifier. */
class BranchesTest {
    @TempDir
    private static Path shared;

    @TempDir
    private Path here;

    private static Path run;

    @BeforeAll
    static void train() {
        run = shared.resolve("run");
        Outcome outcome = Outcome.of(Runs.train(run, 6, 0, "--net", "googlenet-small"));
        assertEquals(0, outcome.code(), outcome::toString);
    }

    private Outcome duet(String arguments) {
        return Outcome.of(arguments.replace("RUN", run.toString()).replace("HERE", here.toString()).split(" +"));
    }

    private Outcome works(String arguments) {
        Outcome outcome = duet(arguments);
        assertEquals(0, outcome.code(), outcome::toString);
        return outcome;
    }

    private static void assertPicture(Path file) throws IOException {
        assertTrue(ImageIO.read(file.toFile()).getWidth() > 50, file.toString());
    }

    @Test
    void evaluatesAndPredicts() throws IOException {
        assertTrue(works("evaluate RUN --devices cpu").out().contains("accuracy"));
        assertPicture(run.resolve("conv1.png"));
        assertPicture(run.resolve("curves.png"));
        assertTrue(works("predict RUN " + run.resolve("conv1.png") + " --devices cpu").out().contains("%"));
    }

    @Test
    void featuresAreWhatTheScoresSee() throws IOException {
        works("features RUN --devices cpu --part validation -o HERE/f.safetensors");
        try (Safetensors file = Safetensors.open(here.resolve("f.safetensors"))) {
            assertEquals(List.of(256L, 2L, 2L), file.entries().get("pool3").shape().subList(1, 4));
        }
    }

    @Test
    void pictures() throws IOException {
        works("picture filters RUN -o HERE/filters.png");
        works("picture activations RUN HERE/filters.png --layer inception-3a --devices cpu -o HERE/activations.png");
        Outcome last = works("picture deconvolution RUN --devices cpu --batch 8 --features 2 --top 2 -o HERE/last.png --json");
        assertTrue(last.out().contains("\"inception-3b-pool-proj\""), last::toString);
        works("picture deconvolution RUN --devices cpu --batch 8 --features 2 --top 2 --layer inception-2b -o HERE/joined.png");
        for (String name : List.of("filters", "activations", "last", "joined")) {
            assertPicture(here.resolve(name + ".png"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"features RUN -o HERE/f", "neighbours RUN HERE/x.png -o HERE/n.png", "picture deconvolution RUN -o HERE/d.png",
            "picture activations RUN HERE/x.png -o HERE/a.png"})
    void auxiliaryLayersAreNotThereToBeAsked(String command) {
        Outcome outcome = duet(command + " --devices cpu --layer aux1-conv");
        assertEquals(2, outcome.code(), outcome::toString);
        assertEquals("duet: aux1-conv: belongs to an auxiliary classifier, which is there in training only; name another layer",
                outcome.errLines().getFirst());
    }

    /** Both classifiers start afresh where the classes are others. */
    @Test
    void trainingGoesOnWithOtherClasses() {
        Outcome outcome = works("train --from RUN --freeze conv1,inception-2a-1x1 --data synthetic:1x28x28:4:64 --batch 8 --steps 2 "
                + "--devices cpu --out HERE/tuned");
        assertTrue(outcome.outLines().stream().anyMatch(line -> line.startsWith("from ") && line.endsWith("; new: aux1-scores, scores")),
                outcome::toString);
        assertEquals(4, Checkpoint.read(here.resolve("tuned")).network().classes());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "cpu     | googlenet             | googlenet, train, batch 32, one device",
            "cpu     | googlenet-small       | googlenet-small, train, batch 32, one device",
            "cpu,cpu | googlenet-small       | googlenet-small, train, batch 32, two towers"
    })
    void plans(String devices, String network, String heading) {
        Outcome outcome = works("plan --net " + network + " --devices " + devices);
        assertEquals(heading, outcome.outLines().getFirst());
        assertTrue(outcome.outLines().stream().anyMatch(line -> line.startsWith("aux1-loss ")), outcome::toString);
    }

    @Test
    void googlenetIsNotForTwoTowers() {
        Outcome outcome = duet("plan --net googlenet --placement towers");
        assertEquals(2, outcome.code(), outcome::toString);
        assertTrue(outcome.err().startsWith("duet: norm1: 2 towers do not divide 1 group of normalised channels"), outcome::toString);
        assertFalse(outcome.err().contains("bug"), outcome::toString);
    }
}
