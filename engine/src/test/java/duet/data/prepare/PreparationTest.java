package duet.data.prepare;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import duet.data.DamageReport;
import duet.data.Dataset;
import duet.data.ImageStatistics;
import duet.data.Split;
import duet.data.image.ScaledDataset;
import duet.data.image.TestImages;
import duet.data.shard.PreparationListener;
import duet.data.source.Datasets;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

/** What a preparation that goes well has made. */
class PreparationTest extends PreparationBed {
    @Test
    void shardsHoldWhatTheSourceHolds() {
        Preparation.Result result = prepare(OPTIONS);
        assertEquals(new Preparation.Result(true, 70, 7, 0, 6, 0, result.bytes(), new Shape(3, 20, 16)), result);
        assertEquals(new Datasets.Description(3, 20, 16, 5), Datasets.describe("shards:" + out));
        Shape input = new Shape(3, 16, 16);
        try (Split packed = Datasets.open("shards:" + out, input, 1, DamageReport.STRICT);
                Split source = Datasets.open(SOURCE, input, 1, DamageReport.STRICT)) {
            assertSame(source.training(), packed.training());
            assertSame(source.validation(), packed.validation());
            ImageStatistics expected = Datasets.statistics(source.training(), 70);
            ImageStatistics stored = Datasets.statistics(packed.training(), 1);
            assertArrayEquals(expected.meanImage(), stored.meanImage());
            assertArrayEquals(expected.meanColour(), stored.meanColour());
            assertArrayEquals(expected.covariance(), stored.covariance());
            assertEquals(70, stored.images());
        }
    }

    private static void assertSame(Dataset expected, Dataset actual) {
        assertEquals(expected.size(), actual.size());
        assertEquals(expected.classNames(), actual.classNames());
        byte[] one = new byte[960];
        byte[] other = new byte[965];
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.read(i, one, 0), actual.read(i, other, 5));
            assertArrayEquals(one, java.util.Arrays.copyOfRange(other, 5, 965));
        }
    }

    @Test
    void jpegShardsHoldNearlyTheSame() {
        Preparation.Result result = Preparation.prepare("synthetic:3x64x64:5:20", out, new PreparationOptions(48, 90, 0, 2, 1),
                DamageReport.STRICT, PreparationListener.SILENT);
        assertTrue(result.bytes() < 20 * 48 * 48 * 3 + 48 * 48 * 3 * 8, () -> "" + result);
        assertEquals(new Shape(3, 48, 48), result.stored());
        try (Split packed = Datasets.open("shards:" + out, new Shape(3, 40, 40), 1, DamageReport.STRICT);
                Split source = Datasets.open("synthetic:3x64x64:5:20", new Shape(3, 40, 40), 1, DamageReport.STRICT)) {
            Dataset scaled = new ScaledDataset(source.training(), new Shape(3, 48, 48));
            byte[] one = new byte[48 * 48 * 3];
            byte[] other = new byte[48 * 48 * 3];
            double difference = 0;
            for (int i = 0; i < 20; i++) {
                assertEquals(scaled.read(i, one, 0), packed.training().read(i, other, 0));
                for (int e = 0; e < one.length; e++) {
                    difference += Math.abs((one[e] & 0xFF) - (other[e] & 0xFF));
                }
            }
            assertTrue(difference / 20 / one.length < 12, "mean difference " + difference / 20 / one.length);
        }
    }

    @Test
    void damagedFilesAreLeftOutAndCounted() throws IOException {
        Path pictures = temporary.resolve("pictures");
        for (int i = 0; i < 24; i++) {
            Path file = Files.createDirectories(pictures.resolve(i % 2 == 0 ? "even" : "odd")).resolve("image-%02d.jpg".formatted(i));
            byte[] jpeg = TestImages.jpeg(TestImages.gradient(40 + i, 30 + 2 * i), false);
            Files.write(file, i == 5 ? java.util.Arrays.copyOf(jpeg, jpeg.length / 2) : jpeg);
        }
        List<String> damaged = java.util.Collections.synchronizedList(new ArrayList<>());
        Preparation.Result result = Preparation.prepare("folder:" + pictures, out, new PreparationOptions(32, 0, 5, 2, 1),
                (file, reason) -> damaged.add(file), PreparationListener.SILENT);
        assertEquals(1, result.damaged());
        assertEquals(23, result.training() + result.validation());
        assertEquals(1, damaged.size());
        try (Split split = Datasets.open("shards:" + out, new Shape(3, 28, 28), 1, DamageReport.STRICT)) {
            assertEquals(result.training(), split.training().size());
            byte[] image = new byte[32 * 32 * 3];
            for (int i = 0; i < split.training().size(); i++) {
                assertTrue(split.training().read(i, image, 0) >= 0);
            }
        }
    }

    /** A small network sees whole images, not the middle of large ones; one that was trained on them gets what it was trained on. */
    @Test
    void shardsOfLargeImagesAreReducedForSmallNetworks() {
        Preparation.prepare("synthetic:3x96x96:5:20", out, OPTIONS, DamageReport.STRICT, PreparationListener.SILENT);
        try (Split small = Datasets.open("shards:" + out, new Shape(3, 28, 28), 1, DamageReport.STRICT);
                Split fitting = Datasets.open("shards:" + out, new Shape(3, 80, 80), 1, DamageReport.STRICT);
                Split trained = Datasets.open("shards:" + out, new Shape(3, 28, 28), new Shape(3, 48, 48), 1, DamageReport.STRICT)) {
            assertEquals(new Shape(3, 32, 32), small.training().stored());
            assertEquals(new Shape(3, 96, 96), fitting.validation().stored());
            assertEquals(new Shape(3, 48, 48), trained.validation().stored());
            byte[] large = new byte[3 * 96 * 96];
            byte[] reduced = new byte[3 * 48 * 48];
            assertEquals(fitting.training().read(3, large, 0), trained.training().read(3, reduced, 0));
            double difference = 0;
            for (int i = 0; i < reduced.length; i++) {
                int channel = i % 3;
                int row = i / 3 / 48;
                int column = i / 3 % 48;
                int sum = 0;
                for (int tap = 0; tap < 4; tap++) {
                    sum += large[((2 * row + tap / 2) * 96 + 2 * column + tap % 2) * 3 + channel] & 0xff;
                }
                difference += Math.abs(sum / 4.0 - (reduced[i] & 0xff));
            }
            assertTrue(difference / reduced.length < 12, "levels on average: " + difference / reduced.length);
        }
    }
}
