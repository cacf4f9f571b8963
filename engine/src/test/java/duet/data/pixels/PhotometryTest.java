package duet.data.pixels;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;

import duet.data.pixels.Photometry.Change;
import org.junit.jupiter.api.Test;

class PhotometryTest {
    private static final long SEED = System.nanoTime();
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Photometry photometry = new Photometry();

    private static double luma(byte[] levels, int pixel) {
        return Math.rint(0.299 * (levels[3 * pixel] & 0xFF) + 0.587 * (levels[3 * pixel + 1] & 0xFF)
                + 0.114 * (levels[3 * pixel + 2] & 0xFF));
    }

    /** Unrounded, in the words of the formula. */
    private static double[] reference(Change change, double factor, byte[] levels, int channels) {
        double mean = 0;
        int pixels = levels.length / channels;
        for (int i = 0; i < (channels == 3 ? pixels : levels.length); i++) {
            mean += channels == 3 ? luma(levels, i) / pixels : (levels[i] & 0xFF) / (double) levels.length;
        }
        double[] result = new double[levels.length];
        for (int e = 0; e < levels.length; e++) {
            int level = levels[e] & 0xFF;
            double without = switch (change) {
                case BRIGHTNESS -> 0;
                case CONTRAST -> mean;
                case SATURATION -> channels == 3 ? luma(levels, e / 3) : level;
            };
            result[e] = Math.clamp(factor * level + (1 - factor) * without, 0, 255);
        }
        return result;
    }

    @Test
    void changesAreThoseOfTheFormula() {
        for (int trial = 0; trial < 300; trial++) {
            int channels = 1 + random.nextInt(4);
            int height = 1 + random.nextInt(20);
            int width = 1 + random.nextInt(20);
            byte[] levels = new byte[height * width * channels];
            random.nextBytes(levels);
            for (Change change : Change.values()) {
                double factor = 2 * random.nextDouble();
                byte[] changed = levels.clone();
                photometry.change(change, factor, Pixels.of(changed, 0, height, width, channels));
                double[] expected = reference(change, factor, levels, channels);
                for (int e = 0; e < levels.length; e++) {
                    // Half a level of rounding; luma in whole numbers may round the other way in the middle between two.
                    assertEquals(expected[e], changed[e] & 0xFF, change == Change.BRIGHTNESS ? 0.5 + 1e-9 : 1.6,
                            change + " by " + factor + " of " + channels + " channels, seed " + SEED);
                }
            }
        }
    }

    @Test
    void workedByHand() {
        byte[] two = {100, 50, 0, (byte) 200, (byte) 200, (byte) 200};
        assertChanged(new int[] {50, 25, 0, 100, 100, 100}, two, Change.BRIGHTNESS, 0.5);
        assertChanged(new int[] {150, 75, 0, 255, 255, 255}, two, Change.BRIGHTNESS, 1.5);
        // luma is 59 and 200, the mean 129.5
        assertChanged(new int[] {115, 90, 65, 165, 165, 165}, two, Change.CONTRAST, 0.5);
        assertChanged(new int[] {85, 10, 0, 235, 235, 235}, two, Change.CONTRAST, 1.5);
        assertChanged(new int[] {80, 55, 30, 200, 200, 200}, two, Change.SATURATION, 0.5);
        assertChanged(new int[] {59, 59, 59, 200, 200, 200}, two, Change.SATURATION, 0);
        for (Change change : Change.values()) {
            assertChanged(new int[] {100, 50, 0, 200, 200, 200}, two, change, 1);
        }
    }

    private void assertChanged(int[] expected, byte[] levels, Change change, double factor) {
        byte[] changed = levels.clone();
        photometry.change(change, factor, Pixels.of(changed, 0, 1, 2, 3));
        for (int e = 0; e < expected.length; e++) {
            assertEquals(expected[e], changed[e] & 0xFF, change + " by " + factor + ", level " + e);
        }
    }

    /** What was cut off at white does not come back. */
    @Test
    void theOrderCounts() {
        byte[] first = {(byte) 200, 100};
        byte[] second = first.clone();
        photometry.change(Change.BRIGHTNESS, 1.5, Pixels.of(first, 0, 1, 2, 1));
        photometry.change(Change.CONTRAST, 0.5, Pixels.of(first, 0, 1, 2, 1));
        photometry.change(Change.CONTRAST, 0.5, Pixels.of(second, 0, 1, 2, 1));
        photometry.change(Change.BRIGHTNESS, 1.5, Pixels.of(second, 0, 1, 2, 1));
        assertArrayEquals(new byte[] {(byte) 229, (byte) 176}, first); // 255, 150 about 202.5
        assertArrayEquals(new byte[] {(byte) 255, (byte) 188}, second); // 175, 125
    }

    @Test
    void onlyThePartIsChangedAndCounts() {
        byte[] levels = new byte[10 * 12 * 3];
        random.nextBytes(levels);
        byte[] part = new byte[4 * 5 * 3];
        for (int y = 0; y < 4; y++) {
            System.arraycopy(levels, ((3 + y) * 12 + 2) * 3, part, y * 5 * 3, 5 * 3);
        }
        for (Change change : Change.values()) {
            byte[] expected = part.clone();
            photometry.change(change, 1.4, Pixels.of(expected, 0, 4, 5, 3));
            byte[] changed = levels.clone();
            photometry.change(change, 1.4, Pixels.of(changed, 0, 10, 12, 3).part(3, 2, 4, 5));
            int others = 0;
            for (int e = 0; e < levels.length; e++) {
                int y = e / 36 - 3;
                int x = e % 36 / 3 - 2;
                boolean inside = y >= 0 && y < 4 && x >= 0 && x < 5;
                assertEquals(inside ? expected[(y * 5 + x) * 3 + e % 3] : levels[e], changed[e], change + ", seed " + SEED);
                others += inside ? 0 : 1;
            }
            assertTrue(others > 0);
        }
    }
}
