package duet.data.image;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;

import duet.data.DataException;
import duet.data.image.ImageFile.Jpegs;
import duet.data.source.Datasets;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DamagedImageTest {
    private static final Shape STORED = new Shape(3, 32, 32);

    @TempDir
    private Path folder;

    /** Both decoders must refuse it, with a reason that fits into one sentence. */
    private static void assertDamaged(byte[] file, String reason) {
        for (Jpegs jpegs : new Jpegs[] {Jpegs.IMAGE_IO, Jpegs.FASTEST}) {
            String message = assertThrows(DamagedImage.class, () -> ImageFile.decode(file, STORED, jpegs), jpegs::name).getMessage();
            assertTrue(message.contains(reason), () -> jpegs + ": \"" + message + "\" should say " + reason);
            assertFalse(message.contains("\n"), message);
        }
    }

    private static byte[] jpeg(boolean progressive) {
        return TestImages.jpeg(TestImages.gradient(300, 200), progressive);
    }

    @Test
    void textIsNoImage() {
        assertDamaged("This is a cat.".getBytes(StandardCharsets.UTF_8), "not an image that can be read (JPEG, PNG,");
        assertDamaged("RIFF0000WEBPVP8 ".getBytes(StandardCharsets.UTF_8), "a WebP image, which is not read: convert it to PNG");
        assertDamaged(
                HexFormat.of()
                        .parseHex("424df6040000000000003604000028000000100000000c000000010008400400000000000036040000280000001000d1ced29d"),
                "a palette of 3536769280 colours");
        assertDamaged("II*\0 and more".getBytes(StandardCharsets.UTF_8), "a TIFF image, which is not read");
        assertDamaged("0000ftypavif".getBytes(StandardCharsets.UTF_8), "an AVIF image, which is not read");
        assertDamaged(new byte[5000], "not an image that can be read (JPEG, PNG, GIF, BMP, PPM)");
        assertDamaged(new byte[] {(byte) 0xFF, (byte) 0xD8, (byte) 0xFF}, "truncated");
    }

    @Test
    void truncatedJpegs() {
        for (boolean progressive : new boolean[] {false, true}) {
            byte[] whole = jpeg(progressive);
            for (double share : new double[] {0.3, 0.6, 0.9, 0.99}) {
                assertDamaged(Arrays.copyOf(whole, (int) (share * whole.length)), "");
            }
            assertDamaged(Arrays.copyOf(whole, 50), "truncated");
        }
    }

    @Test
    void truncatedPngAndGif() {
        for (String format : List.of("png", "gif")) {
            BufferedImage noise = TestImages.uniform(100, 100, BufferedImage.TYPE_INT_RGB, 0);
            Random random = new Random(3);
            for (int i = 0; i < 10_000; i++) {
                noise.setRGB(i % 100, i / 100, random.nextInt(256) * 0x10101);
            }
            byte[] whole = TestImages.write(format, noise);
            for (double share : new double[] {0.01, 0.3, 0.9}) {
                assertDamaged(Arrays.copyOf(whole, (int) (share * whole.length)), "");
            }
        }
    }

    @Test
    void absurdSizesAreRefusedBeforeMemoryIsTaken() {
        assertDamaged(TestImages.claimSize(jpeg(false), 60_000, 60_000), "60000x60000");
        assertDamaged(TestImages.claimSize(jpeg(true), 65_535, 65_535), "65535x65535");
        byte[] png = TestImages.write("png", TestImages.gradient(20, 20));
        assertDamaged(TestImages.claimPngSize(png, 60_000, 60_000), "60000x60000");
        assertDamaged(TestImages.claimPngSize(png, Integer.MAX_VALUE, Integer.MAX_VALUE), "");
        assertDamaged(TestImages.claimPngSize(png, 9_000, 9_000), "");
        assertDamaged(TestImages.claimSize(jpeg(false), 0, 100), "0x100");
        assertDamaged(TestImages.claimSize(jpeg(false), 9_000, 9_000), "");
    }

    /** A small file that would keep a decoder busy for hours: the same empty scan over and over. */
    @Test
    void endlessScansAreRefused() {
        byte[] whole = jpeg(true);
        byte[] many = Arrays.copyOf(whole, whole.length + 2000);
        for (int i = whole.length - 2; i < many.length - 2; i += 2) {
            many[i] = (byte) 0xFF;
            many[i + 1] = (byte) 0xDA;
        }
        assertDamaged(many, "scans; up to 100");
    }

    @Test
    void strayBytesBetweenSegmentsAreHarmless() throws DamagedImage {
        byte[] whole = jpeg(false);
        byte[] stray = Arrays.copyOf(whole, whole.length + 3);
        // Before the end marker.
        System.arraycopy(new byte[] {1, 2, 3, (byte) 0xFF, (byte) 0xD9}, 0, stray, whole.length - 2, 5);
        for (Jpegs jpegs : new Jpegs[] {Jpegs.IMAGE_IO, Jpegs.FASTEST}) {
            assertTrue(Arrays.equals(ImageFile.decode(whole, STORED, jpegs), ImageFile.decode(stray, STORED, jpegs)));
        }
    }

    /** Whatever is flipped, the file is an image or damaged; nothing else is thrown, nothing hangs. */
    @Test
    void flippedBytes() {
        long seed = Long.getLong("duet.seed", 20121203);
        System.out.println("DamagedImageTest.flippedBytes: -Dduet.seed=" + seed);
        Random random = new Random(seed);
        List<byte[]> files = List.of(jpeg(false), jpeg(true), TestImages.write("png", TestImages.gradient(60, 50)),
                TestImages.write("gif", TestImages.grey(60, 50, BufferedImage.TYPE_BYTE_GRAY, 9)),
                TestImages.write("bmp", TestImages.gradient(60, 50)));
        int damaged = 0;
        for (int round = 0; round < 400; round++) {
            byte[] file = files.get(round % files.size()).clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                // Half of them in the headers, where they do most harm.
                file[random.nextInt(random.nextBoolean() ? Math.min(200, file.length) : file.length)] = (byte) random.nextInt();
            }
            for (Jpegs jpegs : new Jpegs[] {Jpegs.IMAGE_IO, Jpegs.FASTEST}) {
                try {
                    assertEquals(STORED.elements(), ImageFile.decode(file, STORED, jpegs).length);
                } catch (DamagedImage e) {
                    damaged++;
                }
            }
        }
        assertTrue(damaged > 40, damaged + " of 800");
    }

    @Test
    void filesThatCannotBeReadAreNamed() throws IOException {
        Path missing = folder.resolve("missing.jpg");
        assertEquals(missing + ": cannot be read: no such file or folder",
                assertThrows(DataException.class, () -> Datasets.readImage(missing, STORED)).getMessage());
        Path empty = Files.createFile(folder.resolve("empty.jpg"));
        assertEquals(empty + ": an empty file", assertThrows(DataException.class, () -> Datasets.readImage(empty, STORED)).getMessage());
        Path directory = Files.createDirectory(folder.resolve("directory.jpg"));
        assertTrue(assertThrows(DataException.class, () -> Datasets.readImage(directory, STORED)).getMessage()
                .startsWith(directory.toString()));
        Path good = Files.write(folder.resolve("good.jpg"), jpeg(false));
        assertEquals(STORED.elements(), Datasets.readImage(good, STORED).length);
        assertThrows(DataException.class, () -> Datasets.readImage(good, new Shape(2, 32, 32)));
    }
}
