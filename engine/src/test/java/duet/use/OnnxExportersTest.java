package duet.use;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import duet.model.ModelFileException;
import duet.net.Shape;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange.ImportOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files that the exporters of other programs made ({@code src/test/python/make_onnx.py}), with onnxruntime as the judge. */
class OnnxExportersTest {
    private static final Path FOLDER = Path.of("src/test/resources/onnx");
    private static final Shape STORED = new Shape(3, 8, 8);
    private static final String EVEN = "even.onnx";

    static List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.equals(EVEN)).sorted().toList();
        }
    }

    /** The probabilities of one image. */
    private static double[] judge(Path file, byte[] pixels, boolean channelsLast) throws OrtException {
        FloatBuffer levels = FloatBuffer.allocate(pixels.length);
        for (int i = 0; i < pixels.length; i++) {
            int from = channelsLast ? i : i % 64 * 3 + i / 64;
            levels.put(i, pixels[from] & 0xFF);
        }
        long[] sizes = channelsLast ? new long[] {1, 8, 8, 3} : new long[] {1, 3, 8, 8};
        OrtEnvironment environment = OrtEnvironment.getEnvironment();
        try (OrtSession session = environment.createSession(file.toString());
                OnnxTensor tensor = OnnxTensor.createTensor(environment, levels, sizes);
                OrtSession.Result result = session.run(Map.of("pixels", tensor))) {
            float[] scores = ((float[][]) result.get(0).getValue())[0];
            double[] probabilities = new double[scores.length];
            double sum = 0;
            for (int i = 0; i < scores.length; i++) {
                probabilities[i] = channelsLast ? scores[i] : Math.exp(scores[i]);
                sum += probabilities[i];
            }
            for (int i = 0; i < scores.length; i++) {
                probabilities[i] /= sum;
            }
            return probabilities;
        }
    }

    @ParameterizedTest
    @MethodSource("files")
    void agreesWithOnnxruntime(String name) throws Exception {
        Path file = FOLDER.resolve(name);
        boolean channelsLast = name.startsWith("channels-last");
        Checkpoint checkpoint = ModelExchange.read(file, ImportOptions.USUAL).checkpoint().storedAs(STORED);
        assertEquals(STORED, checkpoint.stored());
        byte[] pixels = TestModels.image(STORED, 7);
        double[] expected = judge(file, pixels, channelsLast);
        float[] found = TestModels.probabilities(checkpoint, pixels);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], found[i], 2e-5);
        }
    }

    @Test
    void anEvenNumberOfChannelsIsRefused() {
        String message = assertThrows(
                ModelFileException.class, () -> ModelExchange.read(FOLDER.resolve(EVEN), ImportOptions.USUAL)).getMessage();
        assertTrue(message.contains("goes over 4 channels"), message);
    }
}
