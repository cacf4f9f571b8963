package duet.data.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

import duet.data.image.ImageFile.Jpegs;
import duet.net.Shape;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What other viewers show is what is read: files of every format, colour model, depth and orientation that Pillow can write, against the
 * pixels that Pillow shows ({@code src/test/python/make_formats.py}).
 */
class ImageFormatsTest {
    private static final double MOST_MEAN = 5;
    private static final Path FOLDER = Path.of("src/test/resources/formats");

    static List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.endsWith(".rgb")).sorted().toList();
        }
    }

    /**
     * Decoders of JPEG may round otherwise, those of lossy WebP spread the halved colours differently, and the colours of a TIFF's palette
     * have 16 bits, of which Pillow leaves the lower ones 0. Everything else is exact.
     */
    private static int tolerance(String name) {
        return name.equals("lossy.webp") || name.equals("lossy-alpha.webp") ? 32 : name.equals("palette.tif") ? 1
                : name.endsWith(".jpg") && !name.startsWith("named") ? 3 : 0;
    }

    @ParameterizedTest
    @MethodSource("files")
    void isWhatPillowShows(String name) throws IOException, DamagedImage {
        ByteBuffer expected = ByteBuffer.wrap(Files.readAllBytes(FOLDER.resolve(name + ".rgb")));
        int width = expected.getShort();
        int height = expected.getShort();
        byte[] file = Files.readAllBytes(FOLDER.resolve(name));
        for (Jpegs jpegs : List.of(Jpegs.FASTEST, Jpegs.IMAGE_IO)) {
            byte[] actual = ImageFile.decode(file, new Shape(3, height, width), jpegs);
            assertEquals(expected.remaining(), actual.length);
            double sum = 0;
            for (int i = 0; i < actual.length; i++) {
                int there = actual[i] & 0xFF;
                int wanted = expected.get(4 + i) & 0xFF;
                int place = i;
                sum += Math.abs(there - wanted);
                assertTrue(Math.abs(there - wanted) <= tolerance(name),
                        () -> String.format(Locale.ROOT, "%s, %s: channel %d of pixel (%d, %d) is %d, not %d",
                                name, jpegs, place % 3, place / 3 % width, place / 3 / width, there, wanted));
            }
            double mean = sum / actual.length;
            assertTrue(mean <= MOST_MEAN, () -> name + ", " + jpegs + ": differs by " + mean + " levels in the mean");
        }
    }
}
