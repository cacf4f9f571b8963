package duet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;

import duet.data.source.Datasets;
import duet.data.source.SyntheticImages;
import duet.device.Philox;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

class ColourNoiseTest {
    private static final long SEED = System.nanoTime();
    private final SplittableRandom random = new SplittableRandom(SEED);

    /** A matrix M M^T, which is a covariance. */
    private double[][] covariance(int n, double scale) {
        double[][] m = new double[n][n];
        for (double[] row : m) {
            for (int j = 0; j < n; j++) {
                row[j] = scale * (2 * random.nextDouble() - 1);
            }
        }
        double[][] product = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                for (int k = 0; k < n; k++) {
                    product[i][j] += m[i][k] * m[j][k];
                }
            }
        }
        return product;
    }

    @Test
    void principalColoursAreEigenvectorsThatPutTheMatrixTogetherAgain() {
        for (int trial = 0; trial < 200; trial++) {
            int n = 1 + trial % 4;
            double[][] matrix = covariance(n, 100);
            PrincipalColours colours = PrincipalColours.of(matrix);
            for (int i = 0; i < n; i++) {
                for (int j = 0; j < n; j++) {
                    double again = 0;
                    double product = 0;
                    for (int k = 0; k < n; k++) {
                        again += colours.variances()[k] * colours.axes()[k][i] * colours.axes()[k][j];
                        product += colours.axes()[i][k] * colours.axes()[j][k];
                    }
                    assertEquals(matrix[i][j], again, 1e-8, "seed " + SEED);
                    assertEquals(i == j ? 1 : 0, product, 1e-12, "seed " + SEED);
                }
                assertTrue(i == 0 || colours.variances()[i] <= colours.variances()[i - 1], "seed " + SEED);
            }
        }
    }

    @Test
    void theAxisOfGreyImagesIsGrey() {
        double[][] grey = {{50, 50, 50}, {50, 50, 50}, {50, 50, 50}};
        PrincipalColours colours = PrincipalColours.of(grey);
        assertArrayEquals(new double[] {150, 0, 0}, colours.variances(), 1e-9);
        assertArrayEquals(new double[] {1 / Math.sqrt(3), 1 / Math.sqrt(3), 1 / Math.sqrt(3)}, colours.axes()[0], 1e-12);
    }

    @Test
    void covarianceIsThatOfAllPixels() {
        Shape stored = new Shape(3, 5, 7);
        byte[][] images = new byte[11][105];
        for (byte[] image : images) {
            random.nextBytes(image);
        }
        PixelSums sums = PixelSums.none(stored);
        for (byte[] image : images) {
            sums = sums.with(image, 0, 3);
        }
        double[] mean = new double[3];
        double[][] expected = new double[3][3];
        for (byte[] image : images) {
            for (int e = 0; e < 105; e++) {
                mean[e % 3] += (image[e] & 0xFF) / (11.0 * 35);
            }
        }
        for (byte[] image : images) {
            for (int pixel = 0; pixel < 35; pixel++) {
                for (int i = 0; i < 3; i++) {
                    for (int j = 0; j < 3; j++) {
                        expected[i][j] += ((image[3 * pixel + i] & 0xFF) - mean[i]) * ((image[3 * pixel + j] & 0xFF) - mean[j])
                                / (11.0 * 35);
                    }
                }
            }
        }
        ImageStatistics statistics = sums.statistics(stored);
        assertArrayEquals(mean, statistics.meanColour(), 1e-10);
        for (int i = 0; i < 3; i++) {
            assertArrayEquals(expected[i], statistics.covariance()[i], 1e-6, "seed " + SEED);
        }
        float[] rgb = statistics.mean(Mean.RGB);
        assertEquals((float) mean[1], rgb[35]);
        assertEquals((float) mean[1], rgb[69]);
        assertArrayEquals(new float[105], statistics.mean(Mean.NONE));
        assertThrows(DataException.class, () -> PixelSums.none(new Shape(5, 2, 2)).statistics(new Shape(5, 2, 2)).principalColours());
    }

    /** [p1 p2 p3][a1 l1, a2 l2, a3 l3]^T with l the square root of the eigenvalue, in double precision. */
    @Test
    void noiseIsThePapersFormula() {
        PrincipalColours colours = PrincipalColours.of(covariance(3, 80));
        ColourNoise noise = new ColourNoise(colours.deviations(), 3, 0.1, SEED);
        for (int index = 0; index < 50; index++) {
            float[] shifts = new float[5];
            noise.draw(7, index, 1, shifts, 1);
            for (int c = 0; c < 3; c++) {
                double expected = 0;
                for (int k = 0; k < 3; k++) {
                    double a = 0.1 * Philox.normal(SEED, Philox.COLOUR, 7, 3L * index + k);
                    expected += colours.axes()[k][c] * a * Math.sqrt(colours.variances()[k]);
                }
                assertEquals(expected, shifts[1 + c], 1e-5 * (1 + Math.abs(expected)), "seed " + SEED);
            }
            assertEquals(0, shifts[0]);
            assertEquals(0, shifts[4]);
        }
    }

    @Test
    void theNoiseHasATenthOfThePixelsDeviation() {
        double[][] matrix = covariance(3, 60);
        ColourNoise noise = new ColourNoise(PrincipalColours.of(matrix).deviations(), 3, 0.1, 12345);
        double[][] measured = new double[3][3];
        int count = 40_000;
        float[] shifts = new float[3];
        for (int i = 0; i < count; i++) {
            noise.draw(i / 1000, i, 1, shifts, 0);
            for (int c = 0; c < 3; c++) {
                for (int d = 0; d < 3; d++) {
                    measured[c][d] += shifts[c] * shifts[d] / (0.01 * count);
                }
            }
        }
        for (int c = 0; c < 3; c++) {
            for (int d = 0; d < 3; d++) {
                // Six standard errors of a product of normal numbers.
                assertEquals(matrix[c][d], measured[c][d], 6 * Math.sqrt(2.0 * matrix[c][c] * matrix[d][d] / count), "seed " + SEED);
            }
        }
    }

    @Test
    void batchesHaveNoiseUntilItIsLeftOff() {
        SyntheticImages data = new SyntheticImages("test", new Shape(3, 8, 8), 2, 10, 1, 0);
        Augmentation augmentation = Augmentation.STANDARD.withColourNoise(0.5);
        float[] axes = Datasets.statistics(data, 10).principalColours().deviations();
        float[][] seen = new float[6][];
        for (int threads = 1; threads <= 3; threads += 2) {
            try (BatchLoader loader = BatchLoader.training(data, new Shape(3, 8, 8), 4, 9, true, augmentation, axes,
                    epoch -> epoch < 2 ? 1 : 0, 0, threads)) {
                for (int b = 0; b < 6; b++) {
                    Batch batch = loader.next();
                    if (b >= 5) { // begins at image 20, after two epochs of ten
                        assertNull(batch.colourShifts());
                        continue;
                    }
                    if (threads == 1) {
                        seen[b] = batch.colourShifts().clone();
                        assertEquals(12, seen[b].length);
                    }
                    assertArrayEquals(seen[b], batch.colourShifts());
                }
            }
        }
        assertThrows(DataException.class,
                () -> BatchLoader.training(data, new Shape(3, 8, 8), 4, 9, true, augmentation, null, epoch -> 1, 0, 1));
    }

    @Test
    void aChunkSharesCropAndMirror() {
        Cropping cropping = new Cropping(new Shape(3, 256, 256), new Shape(3, 224, 224), Augmentation.ORIGINAL, 3);
        int[] crops = new int[3 * 128];
        for (int place = 0; place < 128; place++) {
            cropping.draw(5, 1000 - place, 77, place, crops);
        }
        java.util.Set<String> chunks = new java.util.HashSet<>();
        for (int place = 0; place < 128; place++) {
            int first = place / 32 * 32;
            for (int i = 0; i < 3; i++) {
                assertEquals(crops[3 * first + i], crops[3 * place + i]);
            }
            chunks.add(crops[3 * place] + " " + crops[3 * place + 1] + " " + crops[3 * place + 2]);
        }
        assertEquals(4, chunks.size());
        int[] next = new int[3 * 128];
        cropping.draw(5, 1000, 78, 0, next);
        assertTrue(next[0] != crops[0] || next[1] != crops[1] || next[2] != crops[2]);
    }
}
