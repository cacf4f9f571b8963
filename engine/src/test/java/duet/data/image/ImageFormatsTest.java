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
    private static final Path FOLDER = Path.of("src/test/resources/formats");

    static List<String> files() throws IOException {
        try (Stream<Path> files = Files.list(FOLDER)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> !name.endsWith(".rgb")).sorted().toList();
        }
    }

    /** Decoders of JPEG may round otherwise; everything else is exact. */
    private static int tolerance(String name) {
        return name.endsWith(".jpg") && !name.startsWith("named") ? 3 : 0;
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
            for (int i = 0; i < actual.length; i++) {
                int there = actual[i] & 0xFF;
                int wanted = expected.get(4 + i) & 0xFF;
                int place = i;
                assertTrue(Math.abs(there - wanted) <= tolerance(name),
                        () -> String.format(Locale.ROOT, "%s, %s: channel %d of pixel (%d, %d) is %d, not %d",
                                name, jpegs, place % 3, place / 3 % width, place / 3 / width, there, wanted));
            }
        }
    }
}
