package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.api.parallel.Resources;

/** What predict and export take: the run and images by place or by option, folders, standard input, any number of classes. */
class PredictTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private static Path shared;

    @TempDir
    private Path here;

    private static Path run;
    private static Path pictures;

    @BeforeAll
    static void train() throws IOException {
        run = shared.resolve("run");
        Outcome outcome = Outcome.of("train", "--data", "synthetic:1x28x28:3:60", "--devices", "cpu", "--batch", "8", "--steps", "3",
                "--out",
                run.toString());
        assertEquals(0, outcome.code(), outcome::toString);
        assertFalse(outcome.out().contains("top-5"), () -> "with three classes it says nothing: " + outcome);
        assertTrue(outcome.out().contains("try        ./duet predict " + run + " IMAGE"), outcome::toString);
        pictures = Files.createDirectories(shared.resolve("pictures"));
        Folders.picture(pictures.resolve("b.png"), 40, 30, 1);
        Folders.picture(Files.createDirectory(pictures.resolve("a")).resolve("deep.png"), 30, 40, 2);
        Files.writeString(pictures.resolve("notes.txt"), "no picture");
        Folders.picture(pictures.resolve(".hidden.png"), 30, 40, 2);
    }

    private static Outcome predict(Object... arguments) {
        String[] words = new String[arguments.length + 3];
        words[0] = "predict";
        words[1] = "--devices";
        words[2] = "cpu";
        for (int i = 0; i < arguments.length; i++) {
            words[i + 3] = arguments[i].toString();
        }
        return Outcome.of(words);
    }

    private static Outcome works(Object... arguments) {
        Outcome outcome = predict(arguments);
        assertEquals(0, outcome.code(), outcome::toString);
        assertEquals("", outcome.err());
        return outcome;
    }

    @Test
    void theRunComesFirstOrByOption() {
        Path picture = pictures.resolve("b.png");
        Outcome first = works(run, picture);
        assertEquals(List.of(picture.toString()), first.outLines().stream().filter(line -> !line.startsWith(" ")).toList());
        assertEquals(first.out(), works("--checkpoint", run, picture).out());
        assertEquals(first.out(), works(picture, "--checkpoint", run).out());
        assertEquals(3 + 1, first.outLines().size(), "all three classes, though five are asked for");
        assertEquals(first.out() + first.out(), works("--checkpoint", run, picture, picture).out());
    }

    @Test
    void topSaysHowMany() throws IOException {
        Outcome one = works(run, pictures.resolve("b.png"), "--top", "1", "--json");
        JsonNode object = JSON.readTree(one.outLines().getFirst());
        assertEquals(1, object.get("predictions").size());
        assertEquals(2, predict(run, pictures, "--top", "0").code());
    }

    @Test
    void foldersHaveAllTheirImagesInOrder() {
        List<String> images = works(run, pictures, "--top", "1").outLines().stream().filter(line -> !line.startsWith(" ")).toList();
        assertEquals(List.of(pictures.resolve("a/deep.png").toString(), pictures.resolve("b.png").toString()), images);
        Outcome empty = predict(run, here, pictures.resolve("b.png"));
        assertEquals(1, empty.code());
        assertEquals("duet: " + here + ": a folder without images (.jpg, .png, .gif, .bmp, .ppm); name another, or image files",
                empty.err().strip());
        assertTrue(empty.out().startsWith(pictures.resolve("b.png").toString()), "the others go on: " + empty);
    }

    @Test
    @ResourceLock(Resources.SYSTEM_PROPERTIES) // standard input belongs to the process, too
    void standardInputIsAnImage() throws IOException {
        byte[] file = Files.readAllBytes(pictures.resolve("b.png"));
        InputStream before = System.in;
        try {
            System.setIn(new ByteArrayInputStream(file));
            Outcome piped = works(run, "-");
            assertEquals("-", piped.outLines().getFirst());
            assertEquals(works(run, pictures.resolve("b.png")).outLines().subList(1, 4), piped.outLines().subList(1, 4));
            System.setIn(new ByteArrayInputStream(new byte[0]));
            assertEquals("duet: standard input: an empty file", predict(run, "-").err().strip());
        } finally {
            System.setIn(before);
        }
    }

    @Test
    void whatIsMissingIsSaid() {
        for (Outcome outcome : List.of(predict(), predict(run), predict("--checkpoint", run))) {
            assertEquals(2, outcome.code(), outcome::toString);
            assertTrue(outcome.err().startsWith("duet: name a training's output folder or a checkpoint, and what to look at: "
                    + "./duet predict RUN IMAGE... ("), outcome::toString);
        }
        Path picture = pictures.resolve("b.png");
        Outcome forgotten = predict(picture, picture);
        assertEquals(2, forgotten.code(), forgotten::toString);
        assertTrue(
                forgotten.err().startsWith("duet: " + picture + " is an image, but a training's output folder or a checkpoint comes first"),
                forgotten::toString);
        for (Outcome outcome : List.of(Outcome.of("export"), Outcome.of("export", run.toString()),
                Outcome.of("export", "--checkpoint", run.toString()), Outcome.of("export", "--checkpoint", "a", "b", "c"))) {
            assertEquals(2, outcome.code(), outcome::toString);
            assertTrue(outcome.err().startsWith("duet: name a training's output folder or a checkpoint, and the file to write: "
                    + "./duet export RUN FILE ("), outcome::toString);
        }
    }

    @Test
    void exportTakesTheRunFirstOrByOption() throws IOException {
        Path one = here.resolve("one.safetensors");
        Path other = here.resolve("other.safetensors");
        assertEquals(0, Outcome.of("export", run.toString(), one.toString()).code());
        assertEquals(0, Outcome.of("export", "--checkpoint", run.toString(), other.toString()).code());
        assertEquals(-1, Files.mismatch(one, other));
    }

    @Test
    void fewClassesHaveNoTopFive() {
        Outcome outcome = Outcome.of("evaluate", run.toString(), "--devices", "cpu");
        assertEquals(0, outcome.code(), outcome::toString);
        assertTrue(outcome.out().contains("accuracy ") && !outcome.out().contains("top-5"), outcome::toString);
    }

    @Test
    void aTruncatedPictureIsToldWithoutNamesOfClasses() throws IOException {
        Path whole = Folders.picture(here.resolve("whole.png"), 40, 30, 1);
        for (String format : List.of("png", "bmp", "gif")) {
            Path file = here.resolve("picture." + format);
            javax.imageio.ImageIO.write(javax.imageio.ImageIO.read(whole.toFile()), format, file.toFile());
            byte[] bytes = Files.readAllBytes(file);
            Files.write(file, java.util.Arrays.copyOf(bytes, 20));
            Outcome outcome = predict(run, file);
            assertEquals(1, outcome.code(), outcome::toString);
            assertEquals("duet: " + file + ": damaged image (ends too early)", outcome.err().strip());
        }
    }
}
