package duet.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.stream.IntStream;

import duet.net.Shape;
import org.junit.jupiter.api.Test;

class ViewsTest {
    private static final Shape INPUT = new Shape(3, 227, 227);

    @Test
    void theCentre() {
        assertEquals(1, Views.ONE.count());
        assertArrayEquals(new int[] {14, 14, 0}, Views.ONE.crop(0, new Shape(3, 256, 256), INPUT));
    }

    @Test
    void fourCornersAndTheCentreAndTheirMirrorImages() {
        Shape stored = new Shape(3, 256, 240);
        List<List<Integer>> crops = IntStream.range(0, 10)
                .mapToObj(view -> IntStream.of(Views.TEN.crop(view, stored, INPUT)).boxed().toList()).toList();
        assertEquals(List.of(List.of(0, 0, 0), List.of(0, 13, 0), List.of(29, 0, 0), List.of(29, 13, 0), List.of(14, 6, 0),
                List.of(0, 0, 1), List.of(0, 13, 1), List.of(29, 0, 1), List.of(29, 13, 1), List.of(14, 6, 1)), crops);
    }

    @Test
    void aSmallerImageHasNone() {
        assertEquals("stored images of 3x226x256 are smaller than the network's input 3x227x227",
                assertThrows(DataException.class, () -> Views.TEN.crop(0, new Shape(3, 226, 256), INPUT)).getMessage());
    }
}
