package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtSession;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.data.source.MiniIlsvrc;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The whole way of someone who has downloaded ILSVRC-2012, on a small one in the structure of its archives: prepare, train with the paper's
 * augmentation on two devices, evaluate ten views, look at features and pictures, hand the network on as ONNX.
 */
class EndToEndTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SIDE = 28;
    private static final String NETWORK = """
            {"name": "mini", "input": {"channels": 3, "height": SIDE, "width": SIDE, "scale": 0.0156}, "layers": [
              {"type": "convolution", "name": "conv1", "filters": 16, "kernel": 5, "padding": 2, "weights": {"distribution": "he"}},
              {"type": "relu", "name": "relu1"},
              {"type": "local-response-norm", "name": "norm1", "groups": 2, "k": 1},
              {"type": "max-pool", "name": "pool1", "window": 3, "stride": 2},
              {"type": "convolution", "name": "conv2", "filters": 32, "kernel": 3, "padding": 1, "groups": 2,
               "weights": {"distribution": "he"}},
              {"type": "relu", "name": "relu2"},
              {"type": "max-pool", "name": "pool2", "window": 3, "stride": 2},
              {"type": "fully-connected", "name": "fc3", "outputs": 64, "weights": {"distribution": "he"}},
              {"type": "relu", "name": "relu3"},
              {"type": "dropout", "name": "dropout3", "rate": 0.2},
              {"type": "fully-connected", "name": "fc4", "outputs": 20, "weights": {"distribution": "normal", "deviation": 0.01}},
              {"type": "softmax-cross-entropy", "name": "loss"}]}
            """
            .replace("SIDE", Integer.toString(SIDE));

    @TempDir
    private Path temporary;

    @Test
    void fromTheArchivesToOnnx() throws Exception {
        Path archives = temporary.resolve("archives");
        MiniIlsvrc.write(archives);
        Path shards = temporary.resolve("shards");
        Path run = temporary.resolve("run");
        Outcome prepared = Outcome.of("data", "prepare", "ilsvrc:" + archives, shards.toString(), "--size", "32", "--json");
        assertEquals(0, prepared.code(), prepared::toString);
        assertTrue(prepared.err().lines().filter(line -> line.contains("skipped")).count() >= 1, "the damaged file is named: " + prepared);

        Path network = Files.writeString(temporary.resolve("mini.json"), NETWORK);
        ok("train", "--net", network.toString(), "--data", "shards:" + shards, "--devices", "cpu,cpu", "--batch", "20", "--epochs", "16",
                "--lr", "0.02",
                "--lr-policy", "linear:16", "--colour-noise", "0.1", "--out", run.toString());

        Path report = temporary.resolve("report");
        JsonNode ten = JSON
                .readTree(ok("evaluate", run.toString(), "--views", "10", "--pictures", report.toString(), "--json").outLines().getLast());
        assertTrue(ten.get("top1").doubleValue() > 0.4, "chance is 0.05: " + ten);
        assertEquals(MiniIlsvrc.VALIDATION, ten.get("images").intValue());
        try (var pictures = Files.list(report)) {
            pictures.forEach(EndToEndTest::assertDrawn);
        }

        Path features = temporary.resolve("features.safetensors");
        ok("features", run.toString(), "--layer", "relu3", "-o", features.toString());
        assertTrue(Files.size(features) > (MiniIlsvrc.CLASSES * MiniIlsvrc.TRAINING_EACH - 1) * 64 * 4L);
        draws("neighbours", run.toString());
        draws("picture", "filters", run.toString());
        draws("picture", "deconvolution", run.toString(), "--layer", "conv2", "--features", "4", "--top", "3");
        draws("plot", run.toString());
        draws("data", "info", "shards:" + shards, "--grid");

        Path image = Files.createFile(temporary.resolve("image.png"));
        BufferedImage picture = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
        picture.setRGB(0, 0, SIDE, SIDE, new SplittableRandom(5).ints(SIDE * SIDE).toArray(), 0, SIDE);
        BufferedImage stored = new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB);
        stored.createGraphics().drawImage(picture, 2, 2, null);
        ImageIO.write(stored, "png", image.toFile());
        drawsWith("picture", "activations", run.toString(), image.toString(), "--layer", "relu2");
        Path onnx = temporary.resolve("mini.onnx");
        ok("export", run.toString(), onnx.toString());
        judge(onnx, picture, JSON.readTree(ok("predict", run.toString(), "--json", image.toString()).outLines().getLast())
                .get("predictions"));
    }

    private static Outcome ok(String... arguments) {
        Outcome outcome = Outcome.of(arguments);
        assertEquals(0, outcome.code(), () -> String.join(" ", arguments) + "\n" + outcome);
        return outcome;
    }

    private void drawsWith(String... arguments) {
        Path file = temporary.resolve(String.join("-", List.of(arguments).subList(0, 2)).replace('/', '-') + ".png");
        String[] all = Arrays.copyOf(arguments, arguments.length + 2);
        all[arguments.length] = "-o";
        all[arguments.length + 1] = file.toString();
        ok(all);
        assertDrawn(file);
    }

    private void draws(String... arguments) {
        if (!arguments[arguments.length - 1].equals("--grid")) {
            drawsWith(arguments);
            return;
        }
        Path file = temporary.resolve("grid.png");
        String[] all = Arrays.copyOf(arguments, arguments.length + 1);
        all[arguments.length] = file.toString();
        ok(all);
        assertDrawn(file);
    }

    /** More than one colour, and not a speck. */
    private static void assertDrawn(Path file) {
        try {
            BufferedImage picture = ImageIO.read(file.toFile());
            assertTrue(picture.getWidth() >= 60 && picture.getHeight() >= 60, file.toString());
            int[] pixels = picture.getRGB(0, 0, picture.getWidth(), picture.getHeight(), null, 0, picture.getWidth());
            assertTrue(Arrays.stream(pixels).distinct().count() > 8, file + " shows next to nothing");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void judge(Path onnx, BufferedImage picture, JsonNode predictions) throws Exception {
        FloatBuffer pixels = FloatBuffer.allocate(3 * SIDE * SIDE);
        for (int i = 0; i < 3 * SIDE * SIDE; i++) {
            pixels.put(picture.getRGB(i % SIDE, i / SIDE % SIDE) >> 8 * (2 - i / (SIDE * SIDE)) & 0xff);
        }
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(onnx.toString());
                OnnxTensor tensor = OnnxTensor.createTensor(environment, pixels.flip(), new long[] {1, 3, SIDE, SIDE});
                OrtSession.Result result = session.run(Map.of("pixels", tensor))) {
            float[] judged = ((float[][]) result.get("probabilities").orElseThrow().getValue())[0];
            for (JsonNode prediction : predictions) {
                assertEquals(judged[prediction.get("label").intValue()], prediction.get("probability").doubleValue(), 1e-4,
                        predictions.toString());
            }
        }
    }
}
