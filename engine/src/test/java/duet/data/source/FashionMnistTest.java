package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FashionMnistTest {
    private static final Shape INPUT = new Shape(1, 28, 28);
    private static final String IMAGES = "train-images-idx3-ubyte";
    private static final String LABELS = "train-labels-idx1-ubyte.gz";

    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        IdxWriter.fashionMnist(folder, 30, 20);
    }

    private Split open() {
        return Datasets.open("fashion-mnist:" + folder, INPUT, 1, DamageReport.STRICT);
    }

    private String refused() {
        String message = assertThrows(DataException.class, this::open).getMessage();
        assertFalse(message.contains("\n"), message);
        return message;
    }

    private static void assertSays(String message, Object... parts) {
        for (Object part : parts) {
            assertTrue(message.contains(part.toString()), () -> "\"" + message + "\" should say " + part);
        }
    }

    @Test
    void readsPlainAndGzippedFiles() {
        try (Split split = open()) {
            assertEquals(30, split.training().size());
            assertEquals(20, split.validation().size());
            assertEquals("IDX (not Fashion-MNIST's own labels) training set, 30 images", split.training().description());
            assertEquals("9", split.training().classNames().get(9), "what is not Fashion-MNIST is not called an ankle boot");
            byte[] image = new byte[1 + 784];
            assertEquals(3, split.training().read(13, image, 1));
            assertEquals(0, image[0]);
            assertEquals(13, image[1]);
            assertEquals(13, image[784]);
        }
        assertEquals(new Datasets.Description(1, 28, 28, 10), Datasets.describe("fashion-mnist:" + folder));
    }

    @Test
    void theRealFilesAreThoseOfThePaper() {
        List<Path> folders = FashionMnist.usualFolders();
        assumeTrue(folders.stream().anyMatch(f -> Files.exists(f.resolve("t10k-images-idx3-ubyte.gz"))),
                "needs Fashion-MNIST: apt-get install dataset-fashion-mnist");
        try (Split split = Datasets.open("fashion-mnist", INPUT, 1, DamageReport.STRICT)) {
            assertEquals("Ankle boot", split.training().classNames().get(9));
            assertEquals("Fashion-MNIST training set, 60000 images", split.training().description());
            assertEquals(60_000, split.training().size());
            assertEquals(10_000, split.validation().size());
            int[] counts = new int[10];
            byte[] image = new byte[784];
            for (int i = 0; i < 60_000; i++) {
                counts[split.training().read(i, image, 0)]++;
            }
            int[] expected = new int[10];
            Arrays.fill(expected, 6000);
            assertArrayEquals(expected, counts);
            float[] mean = Datasets.meanImage(split.training(), 60_000);
            double sum = 0;
            for (float level : mean) {
                sum += level;
            }
            // The widely quoted mean of the training set, as a fraction.
            assertEquals(0.2860, sum / 784 / 255, 0.0001);
        }
    }

    @Test
    void missingDataNameBothWaysOut() throws IOException {
        Files.delete(folder.resolve(IMAGES));
        assertSays(refused(), folder, "apt-get install dataset-fashion-mnist", "./duet data fetch fashion-mnist");
        assertSays(assertThrows(DataException.class, () -> Datasets.describe("fashion-mnist:" + folder)).getMessage(), folder);
    }

    @Test
    void oneMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("t10k-images-idx3-ubyte".replace("images-idx3", "labels-idx1") + ".gz"));
        assertSays(refused(), folder, "t10k-labels-idx1-ubyte");
    }

    /** A fault in the image file, and what the message must say besides the file's name. */
    @ParameterizedTest
    @CsvSource({"empty,header", "header,header", "magic,00000801", "short,23519", "long,trailing", "size,28x27", "zero,'[0, 28, 28]'",
            "lying,'[2147483647, 28, 28]'", "negative,-1"})
    void faultyImageFiles(String fault, String said) throws IOException {
        byte[] content = new byte[30 * 784];
        byte[] file = switch (fault) {
            case "empty" -> new byte[0];
            case "header" -> Arrays.copyOf(IdxWriter.idx(content, 30, 28, 28), 11);
            case "magic" -> IdxWriter.idx(content, 30 * 784);
            case "short" -> IdxWriter.idx(Arrays.copyOf(content, content.length - 1), 30, 28, 28);
            case "long" -> IdxWriter.idx(Arrays.copyOf(content, content.length + 1), 30, 28, 28);
            case "size" -> IdxWriter.idx(new byte[30 * 28 * 27], 30, 28, 27);
            case "zero" -> IdxWriter.idx(new byte[0], 0, 28, 28);
            case "lying" -> IdxWriter.idx(content, Integer.MAX_VALUE, 28, 28);
            case "negative" -> IdxWriter.idx(content, -1, 28, 28);
            default -> throw new IllegalArgumentException(fault);
        };
        Files.write(folder.resolve(IMAGES), file);
        assertSays(refused(), fault.equals("size") ? folder : folder.resolve(IMAGES), said);
    }

    @Test
    void faultyGzip() throws IOException {
        byte[] good = Files.readAllBytes(folder.resolve(LABELS));
        byte[] wrongSum = good.clone();
        wrongSum[good.length - 6] ^= 1;
        for (byte[] bad : List.of(Arrays.copyOf(good, good.length - 9), Arrays.copyOf(good, 5), "not gzip at all".getBytes(), wrongSum)) {
            Files.write(folder.resolve(LABELS), bad);
            assertSays(refused(), folder.resolve(LABELS));
        }
    }

    @Test
    void countsThatDiffer() throws IOException {
        Files.write(folder.resolve(LABELS), IdxWriter.gzip(IdxWriter.idx(new byte[29], 29)));
        assertSays(refused(), "30 images", "29 labels", IMAGES, LABELS);
    }

    @Test
    void networksThatDoNotFit() {
        assertSays(assertThrows(DataException.class,
                () -> Datasets.open("fashion-mnist:" + folder, new Shape(3, 227, 227), 1, DamageReport.STRICT)).getMessage(),
                "1x28x28", "3x227x227", "fashion-mnist");
    }
}
