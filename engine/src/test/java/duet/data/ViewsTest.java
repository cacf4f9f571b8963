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

    private static List<List<Integer>> crops(Views views, Shape stored, boolean mirrored) {
        return views.crops(stored, INPUT, mirrored).stream().map(crop -> IntStream.of(crop).boxed().toList()).toList();
    }

    @Test
    void theCentre() {
        assertArrayEquals(new int[] {14, 14, 0}, Views.centre(new Shape(3, 256, 256), INPUT));
        assertEquals(List.of(List.of(14, 14, 0)), crops(Views.ONE, new Shape(3, 256, 256), true));
    }

    @Test
    void fourCornersAndTheCentreAndTheirMirrorImages() {
        Shape stored = new Shape(3, 256, 240);
        List<List<Integer>> ten = List.of(List.of(0, 0, 0), List.of(0, 13, 0), List.of(29, 0, 0), List.of(29, 13, 0), List.of(14, 6, 0),
                List.of(0, 0, 1), List.of(0, 13, 1), List.of(29, 0, 1), List.of(29, 13, 1), List.of(14, 6, 1));
        assertEquals(ten, crops(Views.TEN, stored, true));
        assertEquals(ten.subList(0, 5), crops(Views.TEN, stored, false), "never shown a mirrored image");
    }

    /** Views that are the same are looked at once. */
    @Test
    void anImageAsLargeAsTheInputHasNoCorners() {
        assertEquals(List.of(List.of(0, 0, 0), List.of(0, 0, 1)), crops(Views.TEN, INPUT, true));
        assertEquals(List.of(List.of(0, 0, 0)), crops(Views.TEN, INPUT, false));
    }

    @Test
    void aSmallerImageHasNone() {
        assertEquals(
                "the images are 3x226x256 (channels x height x width), smaller than the network's input 3x227x227: "
                        + "use a network with a smaller input or larger images",
                assertThrows(DataException.class, () -> crops(Views.TEN, new Shape(3, 226, 256), true)).getMessage());
    }
}
