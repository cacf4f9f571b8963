package duet.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;

import duet.data.image.ImageFile.Jpegs;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ImageFileTest {
    private static final Shape COLOUR = new Shape(3, 64, 64);
    private static final Shape GREY = new Shape(1, 64, 64);

    private static byte[] decode(byte[] file, Shape stored, Jpegs jpegs) {
        assumeTrue(jpegs != Jpegs.TURBO || TurboJpegDecoder.available(), "needs libjpeg-turbo: apt-get install libturbojpeg0");
        try {
            byte[] image = ImageFile.decode(file, stored, jpegs);
            assertEquals(stored.elements(), image.length);
            return image;
        } catch (DamagedImage e) {
            throw new AssertionError(e.getMessage(), e);
        }
    }

    private static byte[] decode(byte[] file, Shape stored) {
        return decode(file, stored, Jpegs.FASTEST);
    }

    private static void assertNear(byte[] expected, byte[] actual, int most, double mean) {
        long sum = 0;
        for (int i = 0; i < expected.length; i++) {
            int difference = Math.abs((expected[i] & 0xFF) - (actual[i] & 0xFF));
            assertTrue(difference <= most, "level " + i + " differs by " + difference);
            sum += difference;
        }
        assertTrue(sum <= mean * expected.length, "mean difference " + (double) sum / expected.length);
    }

    private static void assertPixel(byte[] image, int pixel, int tolerance, int... expected) {
        for (int c = 0; c < expected.length; c++) {
            assertEquals(expected[c], image[pixel * expected.length + c] & 0xFF, tolerance, "channel " + c + " of pixel " + pixel);
        }
    }

    /** What {@link TestImages#gradient} must look like after the shorter side became 64 and the middle was kept. */
    private static byte[] expectedGradient(int width, int height) {
        double scale = Math.min(width, height) / 64.0;
        byte[] expected = new byte[64 * 64 * 3];
        for (int y = 0; y < 64; y++) {
            for (int x = 0; x < 64; x++) {
                int place = (y * 64 + x) * 3;
                expected[place] = (byte) TestImages.ramp((width - 64 * scale) / 2 + (x + 0.5) * scale - 0.5, width);
                expected[place + 1] = (byte) TestImages.ramp((height - 64 * scale) / 2 + (y + 0.5) * scale - 0.5, height);
                expected[place + 2] = 100;
            }
        }
        return expected;
    }

    @ParameterizedTest
    @CsvSource({"64,64", "500,375", "375,500", "127,200", "640,129", "1211,1033"})
    void theMiddleIsScaledByEitherDecoder(int width, int height) {
        byte[] expected = expectedGradient(width, height);
        for (boolean progressive : new boolean[] {false, true}) {
            byte[] jpeg = TestImages.jpeg(TestImages.gradient(width, height), progressive);
            assertNear(expected, decode(jpeg, COLOUR, Jpegs.IMAGE_IO), 8, 1.5);
            assertNear(expected, decode(jpeg, COLOUR, Jpegs.TURBO), 8, 1.5);
            assertNear(decode(jpeg, COLOUR, Jpegs.IMAGE_IO), decode(jpeg, COLOUR, Jpegs.TURBO), 6, 1);
            assertNear(decode(jpeg, GREY, Jpegs.IMAGE_IO), decode(jpeg, GREY, Jpegs.TURBO), 3, 1);
        }
        assertNear(expected, decode(TestImages.write("png", TestImages.gradient(width, height)), COLOUR), 2, 1);
    }

    @ParameterizedTest
    @EnumSource(value = Jpegs.class, names = {"TURBO", "IMAGE_IO"})
    void tinyAndNarrowImages(Jpegs jpegs) {
        assertNear(bytes(64 * 64, 200, 40, 90), decode(TestImages.jpeg(
                TestImages.uniform(1, 1, BufferedImage.TYPE_INT_RGB, 0xC8285A), false), COLOUR, jpegs), 3, 3);
        byte[] strip = decode(TestImages.jpeg(TestImages.gradient(3000, 20), false), COLOUR, jpegs);
        // 20 of the 3000 columns, the middle ones, are kept.
        assertNear(bytes(64, 120, 22, 100), java.util.Arrays.copyOf(strip, 64 * 3), 8, 5);
        assertPixel(decode(TestImages.jpeg(TestImages.gradient(20, 3000), false), COLOUR, jpegs), 32 * 64 + 63, 8, 218, 120, 100);
    }

    private static byte[] bytes(int pixels, int... levels) {
        byte[] bytes = new byte[pixels * levels.length];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) levels[i % levels.length];
        }
        return bytes;
    }

    /** Every second column black or white: a filter that skips pixels would show stripes or one of the two. */
    @Test
    void shrinkingAverages() {
        BufferedImage stripes = new BufferedImage(512, 512, BufferedImage.TYPE_BYTE_GRAY);
        for (int y = 0; y < 512; y++) {
            for (int x = 1; x < 512; x += 2) {
                stripes.getRaster().setSample(x, y, 0, 255);
            }
        }
        assertNear(bytes(64 * 64, 128), decode(TestImages.write("png", stripes), new Shape(1, 64, 64)), 8, 2);
        assertNear(bytes(150 * 150, 128), decode(TestImages.write("png", stripes), new Shape(1, 150, 150)), 25, 12);
    }

    @Test
    void veryLargeImagesAreThinnedOut() {
        BufferedImage white = new BufferedImage(9000, 4500, BufferedImage.TYPE_BYTE_GRAY);
        java.util.Arrays.fill(((java.awt.image.DataBufferByte) white.getRaster().getDataBuffer()).getData(), (byte) 255);
        byte[] png = TestImages.write("png", white);
        assertArrayEquals(bytes(64 * 64, 255), decode(png, GREY));
    }

    @ParameterizedTest
    @EnumSource(value = Jpegs.class, names = {"TURBO", "IMAGE_IO"})
    void greyJpegs(Jpegs jpegs) {
        byte[] jpeg = TestImages.jpeg(TestImages.grey(300, 200, BufferedImage.TYPE_BYTE_GRAY, 77), false);
        assertNear(bytes(64 * 64, 77), decode(jpeg, GREY, jpegs), 1, 1);
        assertNear(bytes(64 * 64, 77, 77, 77), decode(jpeg, COLOUR, jpegs), 1, 1);
    }

    /** The files hold four patches: cyan, red (magenta + yellow), half black, and (30, 60, 90, 40) of 255; colours as Pillow has them. */
    @ParameterizedTest
    @ValueSource(strings = {"cmyk.jpg", "ycck.jpg"})
    void cmykComesOutInColour(String name) throws IOException {
        byte[] file;
        try (InputStream in = ImageFileTest.class.getResourceAsStream(name)) {
            file = in.readAllBytes();
        }
        for (Jpegs jpegs : Jpegs.values()) {
            byte[] image = decode(file, COLOUR, jpegs == Jpegs.TURBO ? Jpegs.FASTEST : jpegs);
            assertPixel(image, 16 * 64 + 16, 3, 0, 255, 255);
            assertPixel(image, 16 * 64 + 48, 3, 255, 0, 0);
            assertPixel(image, 48 * 64 + 16, 3, 127, 127, 127);
            assertPixel(image, 48 * 64 + 48, 3, 190, 164, 139);
        }
        assertPixel(decode(file, GREY), 16 * 64 + 16, 3, 179);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
    void exifOrientationIsHonoured(int orientation) {
        // Corners of the file: red left above, green right above, blue left below, white right below.
        BufferedImage image = TestImages.uniform(300, 200, BufferedImage.TYPE_INT_RGB, 0xFF0000);
        for (int y = 0; y < 200; y++) {
            for (int x = 0; x < 300; x++) {
                image.setRGB(x, y, y < 100 ? x < 150 ? 0xFF0000 : 0x00FF00 : x < 150 ? 0x0000FF : 0xFFFFFF);
            }
        }
        // Which of the file's corners is left above, right above, left below and right below when upright (the EXIF standard's table).
        String corners = List.of("RGBW", "GRWB", "WBGR", "BWRG", "RBGW", "BRWG", "WGBR", "GWRB").get(orientation - 1);
        byte[] jpeg = TestImages.withOrientation(TestImages.jpeg(image, false), orientation, orientation % 2 == 0);
        for (Jpegs jpegs : new Jpegs[] {Jpegs.IMAGE_IO, Jpegs.FASTEST}) {
            byte[] upright = decode(jpeg, new Shape(3, 64, 48), jpegs);
            int[] places = {8 * 48 + 8, 8 * 48 + 40, 56 * 48 + 8, 56 * 48 + 40};
            for (int i = 0; i < 4; i++) {
                int rgb = switch (corners.charAt(i)) {
                    case 'R' -> 0xFF0000;
                    case 'G' -> 0x00FF00;
                    case 'B' -> 0x0000FF;
                    default -> 0xFFFFFF;
                };
                assertPixel(upright, places[i], 6, rgb >> 16, rgb >> 8 & 0xFF, rgb & 0xFF);
            }
        }
    }

    @Test
    void allKindsOfPng() {
        assertArrayEquals(bytes(64 * 64, 77),
                decode(TestImages.write("png", TestImages.grey(30, 40, BufferedImage.TYPE_BYTE_GRAY, 77)), GREY));
        assertArrayEquals(bytes(64 * 64, 77, 77, 77),
                decode(TestImages.write("png", TestImages.grey(100, 90, BufferedImage.TYPE_USHORT_GRAY, 77 * 257)), COLOUR));
        assertArrayEquals(bytes(64 * 64, 255),
                decode(TestImages.write("png", TestImages.grey(100, 90, BufferedImage.TYPE_BYTE_BINARY, 1)), GREY));
        assertArrayEquals(bytes(64 * 64, 10, 20, 30),
                decode(TestImages.write("png", TestImages.uniform(100, 90, BufferedImage.TYPE_3BYTE_BGR, 0xFF0A141E)), COLOUR));
        // Red that is 40 % opaque over white.
        assertArrayEquals(bytes(64 * 64, 255, 153, 153),
                decode(TestImages.write("png", TestImages.uniform(100, 90, BufferedImage.TYPE_INT_ARGB, 0x66FF0000)), COLOUR));
    }

    @Test
    void palettes() {
        byte[] red = {10, (byte) 200, 0};
        byte[] green = {20, 100, 0};
        byte[] blue = {30, 50, 0};
        IndexColorModel palette = new IndexColorModel(8, 3, red, green, blue, 2);
        BufferedImage image = new BufferedImage(80, 80, BufferedImage.TYPE_BYTE_INDEXED, palette);
        for (int y = 0; y < 80; y++) {
            for (int x = 0; x < 80; x++) {
                image.getRaster().setSample(x, y, 0, y < 40 ? 1 : 2);
            }
        }
        for (String format : List.of("png", "gif")) {
            byte[] decoded = decode(TestImages.write(format, image), COLOUR);
            assertPixel(decoded, 10 * 64 + 10, 0, 200, 100, 50);
            assertPixel(decoded, 50 * 64 + 10, 0, 255, 255, 255);
        }
    }

    @Test
    void bitmaps() {
        assertArrayEquals(bytes(64 * 64, 10, 20, 30),
                decode(TestImages.write("bmp", TestImages.uniform(100, 90, BufferedImage.TYPE_3BYTE_BGR, 0xFF0A141E)), COLOUR));
    }

    @Test
    void sixteenBitColours() {
        var model = new java.awt.image.ComponentColorModel(java.awt.color.ColorSpace.getInstance(java.awt.color.ColorSpace.CS_sRGB),
                false, false, java.awt.Transparency.OPAQUE, java.awt.image.DataBuffer.TYPE_USHORT);
        var raster = model.createCompatibleWritableRaster(20, 20);
        for (int i = 0; i < 400; i++) {
            raster.setPixel(i % 20, i / 20, new int[] {65535, 32768, 257});
        }
        assertArrayEquals(bytes(64 * 64, 255, 128, 1),
                decode(TestImages.write("png", new BufferedImage(model, raster, false, null)), COLOUR));
    }
}
