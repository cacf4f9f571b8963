package duet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;

import duet.data.pixels.Photometry.Change;
import duet.data.source.SyntheticImages;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LevelChangesTest {
    private static final long SEED = System.nanoTime();
    private static final Shape STORED = new Shape(3, 20, 24);
    private static final Shape INPUT = new Shape(3, 16, 18);
    private static final int SIZE = 13;

    /** A copy, for the loader reuses its arrays. */
    private record Seen(byte[] images, int[] crops, int[] labels) {
        void assertSame(Seen other, String what) {
            assertArrayEquals(images, other.images, what);
            assertArrayEquals(crops, other.crops, what);
            assertArrayEquals(labels, other.labels, what);
        }
    }

    private static Dataset data() {
        return new SyntheticImages("synthetic", STORED, 4, SIZE, 3, 0);
    }

    private static List<Seen> batches(Augmentation augmentation, long first, int count, int threads) {
        List<Seen> seen = new ArrayList<>();
        try (Dataset data = data();
                BatchLoader loader = BatchLoader.training(data, INPUT, 5, SEED, true, augmentation, first, threads)) {
            for (int i = 0; i < count; i++) {
                Batch batch = loader.next();
                seen.add(new Seen(batch.images().clone(), batch.crops().clone(), batch.labels().clone()));
            }
        }
        return seen;
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 4})
    void batchesDoNotDependOnTheNumberOfThreads(int threads) {
        for (Augmentation augmentation : List.of(Augmentation.GOOGLENET, Augmentation.GOOGLENET.withCropChunk(2),
                Augmentation.STANDARD.withPhotometric(0.3), Augmentation.NONE.withPatches(new Patches(0.2, 2)))) {
            List<Seen> alone = batches(augmentation, 0, 20, 1);
            List<Seen> several = batches(augmentation, 0, 20, threads);
            List<Seen> tail = batches(augmentation, 7, 13, threads);
            for (int i = 0; i < 20; i++) {
                alone.get(i).assertSame(several.get(i), "batch " + i + " of " + augmentation + ", seed " + SEED);
                if (i >= 7) {
                    alone.get(i).assertSame(tail.get(i - 7), "batch " + i + " from batch 7 on, " + augmentation + ", seed " + SEED);
                }
            }
        }
    }

    @Test
    void withoutTheImagesAreAsTheyAreStored() {
        byte[] stored = new byte[(int) STORED.elements()];
        try (Dataset data = data()) {
            int place = 0;
            for (Seen batch : batches(Augmentation.STANDARD, 0, 6, 2)) {
                for (int i = 0; i < 5; i++, place++) {
                    int index = new Indices.EpochOrders(SEED, true, SIZE).order(place / SIZE)[place % SIZE];
                    data.read(index, stored, 0);
                    assertArrayEquals(stored, Arrays.copyOfRange(batch.images, i * stored.length, (i + 1) * stored.length));
                }
            }
        }
    }

    /** The mirror is as it would be without patches; what is around the window stays. */
    @Test
    void patchesLieWhereTheCentreWas() {
        List<Seen> plain = batches(Augmentation.STANDARD, 0, 6, 1);
        List<Seen> patched = batches(Augmentation.STANDARD.withPatches(Patches.GOOGLENET), 0, 6, 1);
        int changed = 0;
        for (int b = 0; b < plain.size(); b++) {
            for (int i = 0; i < 5; i++) {
                int[] crop = Arrays.copyOfRange(patched.get(b).crops, 3 * i, 3 * i + 3);
                assertArrayEquals(new int[] {2, 3, plain.get(b).crops[3 * i + 2]}, crop);
            }
            for (int e = 0; e < plain.get(b).images.length; e++) {
                int y = e / 3 / 24 % 20;
                int x = e / 3 % 24;
                boolean inside = y >= 2 && y < 18 && x >= 3 && x < 21;
                boolean same = plain.get(b).images[e] == patched.get(b).images[e];
                assertTrue(inside || same);
                changed += same ? 0 : 1;
            }
        }
        assertTrue(changed > 1000, changed + " levels changed");
    }

    /** Such a patch is the image, level by level: nothing is smoothed. */
    @Test
    void aPatchThatIsTheImageChangesNothing() {
        Shape square = new Shape(3, 17, 17);
        byte[] image = random((int) square.elements());
        byte[] changed = image.clone();
        int[] crops = {0, 0, 0};
        new LevelChanges(new Cropping(square, square, Augmentation.NONE.withPatches(new Patches(1, 1)), SEED))
                .apply(0, 0, 0, 0, crops, changed, 0);
        assertArrayEquals(image, changed, "seed " + SEED);
    }

    /** Distortion alone is of the window that is seen, also where that hangs over the edge. */
    @Test
    void distortionIsOfTheWindowThatIsSeen() {
        Shape square = new Shape(1, 8, 8);
        for (int[] crop : new int[][] {{0, 0, 0}, {-2, 1, 0}, {1, -2, 1}, {2, 2, 0}}) {
            byte[] image = new byte[64];
            Arrays.fill(image, (byte) 100);
            LevelChanges changes = new LevelChanges(
                    new Cropping(square, square, Augmentation.STANDARD.withPhotometric(0.9), SEED));
            changes.apply(0, 0, 0, 0, crop, image, 0);
            byte level = image[8 * 4 + 4];
            for (int e = 0; e < 64; e++) {
                int y = e / 8 - crop[0];
                int x = e % 8 - crop[1];
                assertEquals(y >= 0 && y < 8 && x >= 0 && x < 8 ? level : 100, image[e], "seed " + SEED);
            }
        }
    }

    @Test
    void factorsAreEvenAndOrdersAreAllThere() {
        PhotometricDistortion distortion = new PhotometricDistortion(0.5, SEED);
        Map<List<Change>, Integer> orders = new HashMap<>();
        for (Change change : Change.values()) {
            int[] counts = new int[10];
            for (int index = 0; index < 10_000; index++) {
                double factor = distortion.factor(4, index, change);
                assertTrue(factor >= 0.5 && factor < 1.5);
                counts[(int) ((factor - 0.5) * 10)]++;
            }
            // Six standard deviations of 30 about 1000.
            assertTrue(Arrays.stream(counts).allMatch(count -> Math.abs(count - 1000) < 180), Arrays.toString(counts) + ", seed " + SEED);
        }
        for (int index = 0; index < 6000; index++) {
            List<Change> order = List.of(distortion.order(4, index));
            assertEquals(3, Set.copyOf(order).size());
            orders.merge(order, 1, Integer::sum);
        }
        assertEquals(6, orders.size());
        assertTrue(orders.values().stream().allMatch(count -> Math.abs(count - 1000) < 180), orders + ", seed " + SEED);
    }

    /** From a second implementation in Python. */
    @Test
    void distortionsArePinned() {
        PhotometricDistortion distortion = new PhotometricDistortion(0.5, 1);
        assertArrayEquals(new Change[] {Change.BRIGHTNESS, Change.CONTRAST, Change.SATURATION}, distortion.order(5, 0));
        assertArrayEquals(new Change[] {Change.SATURATION, Change.CONTRAST, Change.BRIGHTNESS}, distortion.order(5, 3));
        assertEquals(0.8044665553607047, distortion.factor(5, 0, Change.BRIGHTNESS), 1e-12);
        assertEquals(0.8441463850904256, distortion.factor(5, 1, Change.CONTRAST), 1e-12);
        assertEquals(1.4470982868224382, distortion.factor(5, 3, Change.SATURATION), 1e-12);
        assertFalse(new PhotometricDistortion(0.5, 2).factor(5, 0, Change.BRIGHTNESS) == distortion.factor(5, 0, Change.BRIGHTNESS));
    }

    private static byte[] random(int count) {
        byte[] levels = new byte[count];
        new SplittableRandom(SEED).nextBytes(levels);
        return levels;
    }
}
