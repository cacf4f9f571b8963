package duet.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

import duet.net.Shape;
import org.junit.jupiter.api.Test;

class CroppingTest {
    private static final Shape STORED = new Shape(1, 8, 8);
    private static final Shape INPUT = new Shape(1, 6, 6);

    @Test
    void windowsReachEveryPlaceAndStayInside() {
        Cropping cropping = new Cropping(STORED, INPUT, Augmentation.STANDARD, 7);
        assertEquals(IntStream.range(0, 18).boxed().toList(), drawn(cropping, 0));
    }

    @Test
    void equalSizesAreShifted() {
        Cropping cropping = new Cropping(STORED, STORED, Augmentation.NONE.withRandomCrop(true, 2), 7);
        int[] crops = new int[3];
        Set<Integer> tops = new HashSet<>();
        for (int index = 0; index < 200; index++) {
            cropping.draw(3, index, crops, 0);
            tops.add(crops[0]);
            assertEquals(0, crops[2]);
        }
        assertEquals(Set.of(-2, -1, 0, 1, 2), tops);
    }

    /** All (top * 3 + left) * 2 + mirror that come up. */
    private static List<Integer> drawn(Cropping cropping, int epoch) {
        Set<Integer> drawn = new HashSet<>();
        int[] crops = new int[3];
        for (int index = 0; index < 1000; index++) {
            cropping.draw(epoch, index, crops, 0);
            drawn.add((crops[0] * 3 + crops[1]) * 2 + crops[2]);
        }
        return drawn.stream().sorted().toList();
    }
}
