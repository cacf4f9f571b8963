package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;

import duet.cli.output.ExitCode;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** From pictures to shards to a training. */
class DataCommandTest {
    @TempDir
    private Path here;

    private String pictures;
    private Path packed;

    @BeforeEach
    void draw() throws IOException {
        pictures = "folder:" + Folders.pictures(here.resolve("pictures"), 12, "circle", "disc", "dot");
        packed = here.resolve("packed");
    }

    private static Outcome duet(Object... arguments) {
        String[] words = new String[arguments.length];
        for (int i = 0; i < words.length; i++) {
            words[i] = arguments[i].toString();
        }
        return Outcome.of(words);
    }

    private Outcome prepare(Object... more) {
        Object[] all = new Object[4 + more.length];
        System.arraycopy(new Object[] {"data", "prepare", pictures, packed}, 0, all, 0, 4);
        System.arraycopy(more, 0, all, 4, more.length);
        return duet(all);
    }

    @Test
    void preparedShownAndTrained() throws IOException {
        Outcome prepared = prepare("--size", "36", "--shard-images", "10");
        assertEquals(0, prepared.code(), prepared::toString);
        assertTrue(prepared.out().contains("prepared   33 training and 3 validation images of 3x36x36"), prepared::toString);
        assertTrue(prepared.out().contains("shards     5 with"), prepared::toString);
        Outcome again = prepare("--size", "36", "--shard-images", "10");
        assertTrue(again.out().contains("5 of them were there and are sound"), again::toString);

        Path grid = here.resolve("grid.png");
        Outcome info = duet("data", "info", "shards:" + packed, "--check", "--grid", grid);
        assertEquals(0, info.code(), info::toString);
        assertTrue(info.out().contains("33 images in 3 classes") && info.out().contains("classes    3: circle, disc, dot"), info::toString);
        assertTrue(info.out().contains("colours    deviation"), info::toString);
        BufferedImage sheet = ImageIO.read(grid.toFile());
        assertTrue(sheet.getWidth() > 500 && sheet.getHeight() > 500);
        assertFalse(sheet.getRGB(70, 70) == sheet.getRGB(2, 2));
        assertEquals(0, duet("data", "info", "shards:" + packed, "--grid", grid, "--net", "cifar-11pct").code());
        assertEquals(sheet.getWidth(), ImageIO.read(grid.toFile()).getWidth());
        assertSays(ExitCode.BAD_USAGE, "--net does nothing without a sheet", duet("data", "info", "shards:" + packed, "--net", "alexnet"));

        Path network = Files.writeString(here.resolve("net.json"),
                duet.net.NetworkJson.write(duet.model.Networks.create("alexnet-small", 3, 3)));
        Path run = here.resolve("run");
        Outcome train = duet("train", "--net", network, "--data", "shards:" + packed, "--devices", "cpu", "--batch", "8", "--steps", "6",
                "--augment", "--colour-noise", "0.1", "--mean", "rgb", "--out", run);
        assertEquals(0, train.code(), train::toString);
        Checkpoint checkpoint = Checkpoint.read(run);
        assertEquals(9, checkpoint.tensors().get("input.colours").length);
        float[] mean = checkpoint.tensors().get("input.mean");
        assertEquals(3 * 36 * 36, mean.length);
        assertEquals(mean[0], mean[36 * 36 - 1]);
        Outcome resumed = duet("train", "--resume", run, "--devices", "cpu", "--steps", "8");
        assertEquals(0, resumed.code(), resumed::toString);
        Outcome evaluated = duet("evaluate", "--checkpoint", run, "--devices", "cpu");
        assertEquals(0, evaluated.code(), evaluated::toString);
    }

    @Test
    void jsonIsOneObjectALine() {
        Outcome outcome = prepare("--size", "20", "--encoding", "jpeg", "--quality", "80", "--json");
        assertEquals(0, outcome.code(), outcome::toString);
        String[] lines = outcome.out().strip().split("\n");
        assertTrue(lines[0].startsWith("{\"event\":\"preparing\",\"done\":"), outcome::toString);
        assertTrue(lines[lines.length - 1].contains("\"training\":33,\"validation\":3,\"damaged\":0,\"shards\":2"), outcome::toString);
        Outcome info = duet("data", "info", "shards:" + packed, "--json");
        assertEquals(1, info.out().strip().split("\n").length, info::toString);
        assertTrue(info.out().contains("\"height\":20,\"width\":20,\"training\":33"), info::toString);
    }

    @Test
    void whatIsWrongIsOneSentence() throws IOException {
        assertSays(ExitCode.BAD_USAGE, "--quality is for --encoding jpeg", prepare("--quality", "5"));
        assertSays(ExitCode.BAD_USAGE, "--encoding", prepare("--encoding", "png"));
        assertSays(ExitCode.BAD_USAGE, "JPEG quality is from 1 to 100, not 101", prepare("--encoding", "jpeg", "--quality", "101"));
        assertSays(ExitCode.BAD_USAGE, "sizes from 1 to 4096, not 5000", prepare("--size", "5000"));
        assertSays(ExitCode.FAILED, "there is no folder " + packed, duet("data", "info", "shards:" + packed));
        assertSays(ExitCode.BAD_USAGE, "\"cifar:x\" is no data source (did you mean cifar10?): use one of",
                duet("data", "info", "cifar:x"));
        assertSays(ExitCode.FAILED, "lacks ILSVRC2012_devkit_t12.tar.gz", duet("data", "info", "ilsvrc:" + here));
        assertSays(ExitCode.FAILED, "CIFAR-10 was not found in", duet("data", "prepare", "cifar10:" + here, packed));
        assertFalse(Files.exists(packed));
        assertEquals(0, prepare("--size", "20").code());
        assertSays(ExitCode.FAILED, "was begun with images of 3x20x20, not 3x21x21: choose another folder", prepare("--size", "21"));
        Path shard = packed.resolve("training-00000.shard");
        byte[] bytes = Files.readAllBytes(shard);
        bytes[100] ^= 1;
        Files.write(shard, bytes);
        assertSays(ExitCode.FAILED, "image 0 differs from its checksum", duet("data", "info", "shards:" + packed, "--check"));
        Path manifest = packed.resolve("manifest.json");
        Files.writeString(manifest, Files.readString(manifest).replaceFirst("training-00000.shard", "../training-00000.shard"));
        assertSays(ExitCode.FAILED, "\"file\" must be the plain name of a shard, not \"../training-00000.shard\"",
                duet("data", "info", "shards:" + packed));
        assertSays(ExitCode.BAD_USAGE, "'colour' is none of image, rgb, none", duet("train", "--mean", "colour"));
        assertSays(ExitCode.BAD_USAGE, "'-1' is not a number of at least 0", duet("train", "--colour-noise", "-1"));
        assertSays(ExitCode.BAD_USAGE, "does nothing without colour noise", duet("train", "--noise-divides"));
        assertSays(ExitCode.BAD_USAGE, "does nothing without random crops", duet("train", "--no-augment", "--crop-chunk", "32"));
    }

    private static void assertSays(int code, String part, Outcome outcome) {
        assertEquals(code, outcome.code(), outcome::toString);
        assertTrue(outcome.err().contains(part), outcome::toString);
        assertEquals(1, outcome.err().strip().split("\n").length, outcome::toString);
    }
}
