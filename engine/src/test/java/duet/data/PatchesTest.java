package duet.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;

import duet.data.pixels.Window;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

class PatchesTest {
    private static final long SEED = System.nanoTime();
    private static final int DRAWS = 20_000;
    /** Kolmogorov and Smirnov's distance times the root of the draws is above this once in ten million times. */
    private static final double KOLMOGOROV = 2.9;

    private static double aspect(Window patch) {
        return patch.width() / patch.height();
    }

    private static void assertEven(String what, double least, double most, double[] drawn) {
        Arrays.sort(drawn);
        for (int i = 0; i < drawn.length; i++) {
            double expected = (drawn[i] - least) / (most - least);
            assertEquals(expected, (i + 0.5) / drawn.length, KOLMOGOROV / Math.sqrt(drawn.length), what + ", seed " + SEED);
        }
    }

    private static double[] drawn(Patches patches, int height, int width, ToDoubleFunction<Window> what) {
        return IntStream.range(0, DRAWS).mapToDouble(index -> what.applyAsDouble(patches.draw(SEED, 3, index, height, width))).toArray();
    }

    @Test
    void sharesAreEven() {
        assertEven("share of squares", 0.08, 1,
                drawn(new Patches(0.08, 1), 50, 50, patch -> patch.height() * patch.width() / (50 * 50)));
        // All that are up to 3/4 of the area fit into a square at the first try.
        assertEven("share", 0.08, 0.75,
                Arrays.stream(drawn(Patches.GOOGLENET, 224, 224, patch -> patch.height() * patch.width() / (224 * 224)))
                        .filter(share -> share <= 0.75).toArray());
    }

    @Test
    void logarithmsOfAspectsAreEven() {
        // All that are up to 2/3 of the area fit into a square, whatever their aspect.
        assertEven("logarithm of the aspect", -Math.log(1.5), Math.log(1.5),
                IntStream.range(0, DRAWS).mapToObj(index -> new Patches(0.01, 1.5).draw(SEED, 3, index, 100, 100))
                        .filter(patch -> patch.height() * patch.width() <= 10_000 / 1.5)
                        .mapToDouble(patch -> Math.log(aspect(patch))).toArray());
    }

    @Test
    void placesAreEven() {
        assertEven("top", 0, 1, drawn(new Patches(0.1, 1.2), 50, 60, patch -> patch.top() / (50 - patch.height())));
        assertEven("left", 0, 1, drawn(new Patches(0.1, 1.2), 50, 60, patch -> patch.left() / (60 - patch.width())));
    }

    @Test
    void patchesLieInTheImage() {
        SplittableRandom random = new SplittableRandom(SEED);
        for (int trial = 0; trial < 20_000; trial++) {
            int height = 1 + random.nextInt(300);
            int width = 1 + random.nextInt(300);
            Patches patches = new Patches(1 - random.nextDouble(), 1 + 2 * random.nextDouble());
            Window patch = patches.draw(random.nextLong(), random.nextInt(100), trial, height, width);
            String what = patches + " of " + height + "x" + width + ": " + patch + ", seed " + SEED;
            assertTrue(patch.top() >= 0 && patch.top() + patch.height() <= height + 1e-9, what);
            assertTrue(patch.left() >= 0 && patch.left() + patch.width() <= width + 1e-9, what);
            assertTrue(aspect(patch) <= patches.mostAspect() + 1e-9 && 1 / aspect(patch) <= patches.mostAspect() + 1e-9, what);
            double share = patch.height() * patch.width() / (height * width);
            int side = Math.min(height, width);
            boolean fallback = patch.equals(new Window((height - side) / 2.0, (width - side) / 2.0, side, side));
            assertTrue(fallback || share >= patches.leastShare() - 1e-9 && share <= 1 + 1e-9, what);
        }
    }

    @Test
    void whatFitsNowhereBecomesTheLargestSquareOfTheMiddle() {
        assertEquals(new Window(0, 45, 10, 10), new Patches(0.9, 4 / 3.0).draw(SEED, 0, 7, 10, 100));
        assertEquals(new Window(30, 0, 20, 20), new Patches(1, 1).draw(SEED, 0, 7, 80, 20));
        assertEquals(new Window(0, 0, 32, 32), new Patches(1, 1).draw(SEED, 0, 7, 32, 32));
    }

    /** From a second implementation in Python. */
    @Test
    void patchesArePinned() {
        assertNear(new Window(28.947214510655844, 21.559791796906968, 214.0042734771442, 192.25690539084042), 0); // the third try
        assertNear(new Window(104.54287177443136, 86.76913872556987, 149.98029792797416, 163.16237509782468), 1);
        assertNear(new Window(1.3546956181382528, 4.06499869313267, 249.8400799844476, 239.96081230750093), 2);
        assertNear(new Window(42.34880735966052, 82.31687426847907, 149.7980245475376, 144.2914607703083), 7); // the second
    }

    private static void assertNear(Window expected, int index) {
        Window patch = Patches.GOOGLENET.draw(1, 5, index, 256, 256);
        assertEquals(expected.top(), patch.top(), 1e-9);
        assertEquals(expected.left(), patch.left(), 1e-9);
        assertEquals(expected.height(), patch.height(), 1e-9);
        assertEquals(expected.width(), patch.width(), 1e-9);
    }

    @Test
    void chunksShareAPatchAndOtherImagesDoNot() {
        Cropping single = cropping(Augmentation.GOOGLENET);
        assertNotEquals(single.patch(0, 1, 0, 1), single.patch(0, 2, 0, 2));
        assertNotEquals(single.patch(0, 1, 0, 1), single.patch(1, 1, 0, 1));
        assertEquals(single.patch(0, 1, 0, 1), single.patch(0, 1, 5, 9), "it is a function of epoch and image");
        Cropping chunks = cropping(Augmentation.GOOGLENET.withCropChunk(4));
        assertEquals(chunks.patch(0, 17, 3, 0), chunks.patch(0, 2, 3, 3));
        assertNotEquals(chunks.patch(0, 17, 3, 0), chunks.patch(0, 2, 3, 4));
        assertNotEquals(chunks.patch(0, 17, 3, 0), chunks.patch(0, 17, 4, 0));
        assertNull(cropping(Augmentation.PAPER).patch(0, 1, 0, 1));
    }

    private static Cropping cropping(Augmentation augmentation) {
        return new Cropping(new Shape(3, 64, 64), new Shape(3, 56, 56), augmentation, SEED);
    }

    @Test
    void nonsenseIsRefused() {
        for (double share : new double[] {-0.1, 1.01, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> new Patches(share, 1));
        }
        for (double aspect : new double[] {0.9, 0, Double.NaN, Double.POSITIVE_INFINITY}) {
            assertThrows(IllegalArgumentException.class, () -> new Patches(0.5, aspect));
        }
        for (double photometric : new double[] {-0.1, 1, Double.NaN}) {
            assertThrows(IllegalArgumentException.class, () -> Augmentation.NONE.withPhotometric(photometric));
        }
    }
}
