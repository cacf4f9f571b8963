package duet.data.prepare;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.ImageStatistics;
import duet.data.Split;
import duet.data.image.ScaledDataset;
import duet.data.image.TestImages;
import duet.data.shard.PreparationListener;
import duet.data.shard.ShardFolder;
import duet.data.source.Datasets;
import duet.model.Safetensors;
import duet.net.Shape;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreparationTest {
    private static final String SOURCE = "synthetic:3x20x16:5:70";
    private static final PreparationOptions OPTIONS = new PreparationOptions(0, 0, 16, 2, 1);

    @TempDir
    private Path temporary;

    private Path out;

    @BeforeEach
    void name() {
        out = temporary.resolve("packed");
    }

    private Preparation.Result prepare(PreparationOptions options) {
        return Preparation.prepare(SOURCE, out, options, DamageReport.STRICT, PreparationListener.SILENT);
    }

    private static String refused(org.junit.jupiter.api.function.Executable executable) {
        String message = assertThrows(DataException.class, executable).getMessage();
        assertFalse(message.contains("\n"), message);
        return message;
    }

    private String unreadable() {
        return refused(() -> {
            try (Split split = Datasets.open("shards:" + out, new Shape(3, 10, 10), 1, DamageReport.STRICT)) {
                byte[] image = new byte[(int) split.training().stored().elements()];
                for (int i = 0; i < split.training().size(); i++) {
                    split.training().read(i, image, 0);
                }
            }
        });
    }

    /** Every file that is not hidden, by name. */
    private static Map<String, List<Byte>> contents(Path folder) throws IOException {
        Map<String, List<Byte>> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(file -> !file.getFileName().toString().startsWith(".")).toList()) {
                List<Byte> bytes = new ArrayList<>();
                for (byte b : Files.readAllBytes(file)) {
                    bytes.add(b);
                }
                contents.put(file.getFileName().toString(), bytes);
            }
        }
        return contents;
    }

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

    @ParameterizedTest
    @ValueSource(ints = {0, 90})
    void stoppedAnywhereAndRunAgainTheBytesAreTheSame(int quality) throws IOException {
        PreparationOptions options = new PreparationOptions(24, quality, 16, 2, 1);
        prepare(options);
        Map<String, List<Byte>> expected = contents(out);
        for (int stop : new int[] {0, 1, 3, 4}) {
            out = temporary.resolve("stopped-" + stop);
            Path killed = out;
            // What a kill leaves: the first shards, a half-written one, no manifest.
            assertThrows(IllegalStateException.class,
                    () -> Preparation.prepare(SOURCE, killed, options, DamageReport.STRICT, (done, total) -> {
                        if (done > 16L * stop) {
                            throw new IllegalStateException("killed");
                        }
                    }));
            Files.write(out.resolve(".training-00004.shard.tmp"), new byte[1000]);
            assertTrue(unreadable().contains("is not finished: run the same ./duet data prepare again"), this::unreadable);
            Preparation.Result result = prepare(new PreparationOptions(24, quality, 16, 1, 1));
            assertEquals(stop, result.verified());
            assertEquals(expected, contents(out));
            assertFalse(Files.exists(out.resolve(".training-00004.shard.tmp")));
        }
        assertEquals(6, prepare(options).verified());
    }

    @Test
    void aRequestToStopEndsItBetweenImages() {
        PreparationListener stopper = new PreparationListener() {
            @Override
            public void progress(long done, long total) {}

            @Override
            public boolean stopped() {
                return true;
            }
        };
        assertFalse(Preparation.prepare(SOURCE, out, OPTIONS, DamageReport.STRICT, stopper).complete());
        assertTrue(prepare(OPTIONS).complete());
    }

    @Test
    void aFlippedByteIsFoundAndOnlyItsShardIsMadeAnew() throws IOException {
        prepare(OPTIONS);
        Map<String, List<Byte>> expected = contents(out);
        Path shard = out.resolve("training-00002.shard");
        long size = Files.size(shard);
        for (long place : new long[] {70, size / 2, 3, 30, size - 3, 16 * 960 + 64 + 10}) {
            byte[] bytes = Files.readAllBytes(shard);
            bytes[(int) place] ^= 4;
            Files.write(shard, bytes);
            if (place < size / 2) {
                String message = unreadable();
                assertTrue(message.startsWith(shard.toString()) && message.endsWith("makes it again and keeps the others"), message);
            }
            List<String> warnings = new ArrayList<>();
            Preparation.Result result = Preparation.prepare(SOURCE, out, OPTIONS, DamageReport.STRICT, new PreparationListener() {
                @Override
                public void progress(long done, long total) {}

                @Override
                public void warning(String message) {
                    warnings.add(message);
                }
            });
            assertEquals(5, result.verified(), "flipped byte " + place);
            assertEquals(1, warnings.size());
            assertEquals(expected, contents(out));
        }
        Files.write(shard, new byte[10]);
        assertTrue(unreadable().contains("training-00002.shard is truncated"), this::unreadable);
        Files.delete(shard);
        assertTrue(unreadable().contains("training-00002.shard is missing"), this::unreadable);
    }

    @Test
    void nothingIsMixed() throws IOException {
        prepare(OPTIONS);
        Map<String, List<Byte>> before = contents(out);
        assertTrue(refused(() -> prepare(new PreparationOptions(24, 0, 16, 2, 1))).contains("begun with images of 3x20x16, not 3x24x24"));
        assertTrue(refused(() -> prepare(new PreparationOptions(0, 80, 16, 2, 1))).contains("encoding bytes, not jpeg"));
        assertTrue(refused(() -> prepare(new PreparationOptions(0, 0, 15, 2, 1))).contains("16 images in a shard, not 15"));
        assertTrue(refused(() -> Preparation.prepare("synthetic:3x20x16:5:71", out, OPTIONS, DamageReport.STRICT,
                PreparationListener.SILENT)).contains("another source"));
        Path manifest = out.resolve("manifest.json");
        String text = Files.readString(manifest);
        Files.writeString(manifest, text.replaceFirst("\"version\" : 1", "\"version\" : 2"));
        assertTrue(unreadable().contains("is of version 2, but this program reads version 1"), this::unreadable);
        Files.writeString(manifest, text.substring(0, text.length() / 2));
        assertTrue(unreadable().contains("manifest.json is damaged"), this::unreadable);
        Files.writeString(manifest, text);
        assertEquals(before, contents(out));
        Path other = Files.createDirectories(temporary.resolve("other"));
        Files.writeString(other.resolve("letter.txt"), "dear");
        assertTrue(refused(() -> Preparation.prepare(SOURCE, other, OPTIONS, DamageReport.STRICT, PreparationListener.SILENT))
                .contains("holds something else already (letter.txt)"));
    }

    @Test
    void aWrongMeanImageIsRefused() throws IOException {
        prepare(OPTIONS);
        ShardFolder folder = new ShardFolder(out);
        byte[] right = Files.readAllBytes(out.resolve("mean.safetensors"));
        folder.writeMean(new float[3 * 10 * 10], new Shape(3, 10, 10));
        assertTrue(unreadable().contains("holds a mean image of [3, 10, 10], but the images are [3, 20, 16]"), this::unreadable);
        float[] values = new float[960];
        folder.writeMean(values, new Shape(3, 20, 16));
        assertTrue(unreadable().contains("differs from its checksum"), this::unreadable);
        Files.write(out.resolve("mean.safetensors"), java.util.Arrays.copyOf(right, 50));
        assertTrue(unreadable().contains("mean.safetensors"), this::unreadable);
        Files.delete(out.resolve("mean.safetensors"));
        assertTrue(unreadable().contains("mean.safetensors is missing"), this::unreadable);
        prepare(OPTIONS);
        assertArrayEquals(right, Files.readAllBytes(out.resolve("mean.safetensors")));
        try (Safetensors tensors = Safetensors.open(out.resolve("mean.safetensors"))) {
            assertNotEquals(0, tensors.floats("mean")[0]);
        }
    }

    @Test
    void aFullDiskIsToldBeforeAnythingIsWritten() {
        String message = refused(
                () -> Preparation.prepare(SOURCE, out, OPTIONS, DamageReport.STRICT, PreparationListener.SILENT, folder -> 1000));
        assertTrue(message.contains("0 MB free: choose another folder, a smaller --size, or --encoding jpeg"), message);
        assertFalse(Files.exists(out.resolve("preparation.json")));
    }

    @Test
    void damagedFilesAreLeftOutAndCounted() throws IOException {
        Path pictures = temporary.resolve("pictures");
        for (int i = 0; i < 24; i++) {
            Path file = Files.createDirectories(pictures.resolve(i % 2 == 0 ? "even" : "odd"))
                    .resolve(String.format(Locale.ROOT, "image-%02d.jpg", i));
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
