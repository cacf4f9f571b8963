package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Split;
import duet.net.Shape;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SyntheticImagesTest {
    private static Split open(String source, Shape input, long seed) {
        return Datasets.open(source, input, seed, DamageReport.STRICT);
    }

    private static byte[] image(Dataset data, int index) {
        byte[] image = new byte[(int) data.stored().elements()];
        assertEquals(index % data.classNames().size(), data.read(index, image, 0));
        return image;
    }

    @Test
    void countsAndSizes() {
        Split split = open("synthetic:3x20x30:7", new Shape(3, 20, 20), 1);
        assertEquals(new Shape(3, 20, 30), split.training().stored());
        assertEquals(10_000, split.training().size());
        assertEquals(1_000, split.validation().size());
        assertEquals(7, split.validation().classNames().size());
        assertEquals(new Datasets.Description(3, 20, 30, 7), Datasets.describe("synthetic:3x20x30:7"));
        assertEquals(50, open("synthetic:1x8x8:10:50", new Shape(1, 8, 8), 1).training().size());
        assertEquals(1, open("synthetic:1x8x8:10:5", new Shape(1, 8, 8), 1).validation().size());
    }

    @Test
    void imagesAreAFunctionOfSeedAndIndex() {
        Shape shape = new Shape(2, 9, 11);
        byte[] first = image(open("synthetic:2x9x11:4", shape, 5).training(), 6);
        assertArrayEquals(first, image(open("synthetic:2x9x11:4", shape, 5).training(), 6));
        assertFalse(java.util.Arrays.equals(first, image(open("synthetic:2x9x11:4", shape, 6).training(), 6)));
        assertFalse(java.util.Arrays.equals(first, image(open("synthetic:2x9x11:4", shape, 5).training(), 10)));
        assertFalse(java.util.Arrays.equals(first, image(open("synthetic:2x9x11:4", shape, 5).validation(), 6)));
    }

    /** Runs that are compared across machines and versions rest on this. */
    @Test
    void imagesArePinned() {
        java.util.zip.CRC32 crc = new java.util.zip.CRC32();
        crc.update(image(open("synthetic:3x32x32:10", new Shape(3, 32, 32), 1).training(), 12));
        assertEquals(657153688L, crc.getValue());
    }

    /** The nearest class mean (of the training images) names most validation images: there is something to learn. */
    @Test
    void classesCanBeToldApart() {
        int classes = 10;
        Split split = open("synthetic:3x16x16:10:500", new Shape(3, 16, 16), 3);
        double[][] means = new double[classes][3 * 16 * 16];
        for (int i = 0; i < 500; i++) {
            byte[] image = image(split.training(), i);
            for (int e = 0; e < image.length; e++) {
                means[i % classes][e] += (image[e] & 0xFF) / 50.0;
            }
        }
        int right = 0;
        for (int i = 0; i < 50; i++) {
            right += nearest(means, image(split.validation(), i)) == i % classes ? 1 : 0;
        }
        assertTrue(right >= 40, right + " of 50");
    }

    private static int nearest(double[][] means, byte[] image) {
        int best = 0;
        double least = Double.MAX_VALUE;
        for (int c = 0; c < means.length; c++) {
            double distance = 0;
            for (int e = 0; e < image.length; e++) {
                distance += Math.pow(means[c][e] - (image[e] & 0xFF), 2);
            }
            if (distance < least) {
                least = distance;
                best = c;
            }
        }
        return best;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"synthetic", "synthetic:", "synthetic:3x227x227", "synthetic:3x227:10", "synthetic:3x227x227:1", "synthetic:0x2x2:2",
                    "synthetic:3x227x227:1000:0", "synthetic:3x227x227:ten", "synthetic:3x-1x227:10", "synthetic:3x227x227:10:5:5",
                    "synthetic:1024x8192x8192:10", "synthetic:3x99999999999x1:10"})
    void badSpecificationsShowAnExample(String source) {
        String message = assertThrows(DataException.class, () -> Datasets.describe(source)).getMessage();
        assertTrue(message.contains("synthetic:3x227x227:1000") && message.startsWith(source), message);
        assertFalse(message.contains("\n"), message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "imagenet", "fashion_mnist", "Folder:x", "folders:/tmp"})
    void unknownSourcesListTheForms(String source) {
        String message = assertThrows(DataException.class, () -> Datasets.describe(source)).getMessage();
        for (String form : new String[] {"fashion-mnist", "fashion-mnist:DIR", "folder:DIR", "synthetic:"}) {
            assertTrue(message.contains(form), message);
        }
        assertThrows(DataException.class, () -> Datasets.open(source, new Shape(1, 1, 1), 1, DamageReport.STRICT));
    }
}
