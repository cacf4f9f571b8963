package duet.data.pixels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.SplittableRandom;

import org.junit.jupiter.api.Test;

class ResamplingTest {
    private static final long SEED = System.nanoTime();
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Resampling resampling = new Resampling();

    private Window window(int height, int width) {
        double windowHeight = 1 + random.nextDouble() * (height - 1);
        double windowWidth = 1 + random.nextDouble() * (width - 1);
        return new Window(random.nextDouble() * (height - windowHeight), random.nextDouble() * (width - windowWidth), windowHeight,
                windowWidth);
    }

    @Test
    void aConstantStaysOne() {
        for (int trial = 0; trial < 300; trial++) {
            int channels = 1 + random.nextInt(4);
            byte[] image = new byte[(5 + random.nextInt(60)) * 40 * channels];
            byte level = (byte) random.nextInt(256);
            Arrays.fill(image, level);
            int height = image.length / 40 / channels;
            byte[] target = new byte[(1 + random.nextInt(70)) * 30 * channels];
            resampling.resample(Pixels.of(image, 0, height, 40, channels), window(height, 40),
                    Pixels.of(target, 0, target.length / 30 / channels, 30, channels));
            for (byte each : target) {
                assertEquals(level, each, "seed " + SEED);
            }
        }
    }

    /** A level that grows evenly still does, whether the window is enlarged or reduced; near the edge of the image the filter is cut. */
    @Test
    void aRampStaysOne() {
        for (int trial = 0; trial < 300; trial++) {
            int height = 40 + random.nextInt(60);
            int width = 40 + random.nextInt(60);
            byte[] image = new byte[height * width * 3];
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    image[(y * width + x) * 3] = (byte) (2 * x);
                    image[(y * width + x) * 3 + 1] = (byte) (2 * y);
                    image[(y * width + x) * 3 + 2] = (byte) (x + y);
                }
            }
            Window window = window(height, width);
            int rows = 1 + random.nextInt(100);
            int columns = 1 + random.nextInt(100);
            byte[] target = new byte[rows * columns * 3];
            resampling.resample(Pixels.of(image, 0, height, width, 3), window, Pixels.of(target, 0, rows, columns, 3));
            double down = window.height() / rows;
            double right = window.width() / columns;
            for (int e = 0; e < rows * columns; e++) {
                int row = e / columns;
                int column = e % columns;
                double y = window.top() + (row + 0.5) * down;
                double x = window.left() + (column + 0.5) * right;
                boolean whole = y >= Math.max(1, down) && y <= height - Math.max(1, down) && x >= Math.max(1, right)
                        && x <= width - Math.max(1, right);
                if (whole) {
                    // A triangle over few pixels is a ramp's mean to a small part of a pixel.
                    String what = window + " as " + rows + "x" + columns + ", seed " + SEED;
                    assertEquals(2 * (x - 0.5), target[3 * e] & 0xFF, 0.9, what);
                    assertEquals(2 * (y - 0.5), target[3 * e + 1] & 0xFF, 0.9, what);
                    assertEquals(x + y - 1, target[3 * e + 2] & 0xFF, 0.9, what);
                }
            }
        }
    }

    @Test
    void theWholeImageAtItsSizeIsTheImage() {
        for (int trial = 0; trial < 50; trial++) {
            int channels = 1 + random.nextInt(4);
            int height = 1 + random.nextInt(30);
            int width = 1 + random.nextInt(30);
            byte[] image = new byte[height * width * channels];
            random.nextBytes(image);
            byte[] target = new byte[image.length];
            resampling.resample(Pixels.of(image, 0, height, width, channels), new Window(0, 0, height, width),
                    Pixels.of(target, 0, height, width, channels));
            assertArrayEquals(image, target, "seed " + SEED);
        }
    }

    /** One after the other by one instance, into a part of the source: as each by an instance of its own into an array of its own. */
    @Test
    void theTargetMayBeAPartOfTheSource() {
        for (int trial = 0; trial < 200; trial++) {
            int channels = 1 + random.nextInt(4);
            int height = 10 + random.nextInt(30);
            int width = 10 + random.nextInt(30);
            int offset = random.nextInt(50);
            byte[] image = new byte[offset + height * width * channels];
            random.nextBytes(image);
            int rows = 1 + random.nextInt(height);
            int columns = 1 + random.nextInt(width);
            int top = random.nextInt(height - rows + 1);
            int left = random.nextInt(width - columns + 1);
            Window window = window(height, width);
            byte[] apart = new byte[rows * columns * channels];
            Pixels source = Pixels.of(image, offset, height, width, channels);
            new Resampling().resample(source, window, Pixels.of(apart, 0, rows, columns, channels));
            byte[] expected = image.clone();
            for (int y = 0; y < rows; y++) {
                System.arraycopy(apart, y * columns * channels, expected, offset + ((top + y) * width + left) * channels,
                        columns * channels);
            }
            resampling.resample(source, window, source.part(top, left, rows, columns));
            assertArrayEquals(expected, image, "seed " + SEED);
        }
    }

    @Test
    void channelsAreScaledEachForItself() {
        for (int channels = 2; channels <= 4; channels++) {
            byte[] image = new byte[21 * 17 * channels];
            random.nextBytes(image);
            Window window = window(21, 17);
            byte[] together = new byte[12 * 30 * channels];
            resampling.resample(Pixels.of(image, 0, 21, 17, channels), window, Pixels.of(together, 0, 12, 30, channels));
            for (int c = 0; c < channels; c++) {
                byte[] plane = new byte[21 * 17];
                for (int i = 0; i < plane.length; i++) {
                    plane[i] = image[i * channels + c];
                }
                byte[] alone = new byte[12 * 30];
                resampling.resample(Pixels.of(plane, 0, 21, 17, 1), window, Pixels.of(alone, 0, 12, 30, 1));
                for (int i = 0; i < alone.length; i++) {
                    assertEquals(alone[i], together[i * channels + c], "seed " + SEED);
                }
            }
        }
    }
}
