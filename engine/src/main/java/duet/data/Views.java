package duet.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.net.Shape;

/** What of a stored image is looked at to classify it. A view is its top, left and mirror (0 or 1), as PrepareInput takes it. */
public enum Views {
    /** The centre. */
    ONE,
    /** The four corners and the centre, then the same five mirrored: the paper, section 4.1. The probabilities are averaged. */
    TEN;

    /**
     * {@return the centre: top, left, not mirrored}
     *
     * @param stored size of the stored image
     * @param input  not larger than the stored image
     */
    public static int[] centre(Shape stored, Shape input) {
        Cropping.check(stored, input);
        return new int[] {(stored.height() - input.height()) / 2, (stored.width() - input.width()) / 2, 0};
    }

    /**
     * {@return where the views lie, each once: of a stored image that is as large as the input, all corners are the centre}
     *
     * @param stored   size of the stored image
     * @param input    not larger than the stored image
     * @param mirrored whether mirrored views are looked at, where there are several: a network that was never shown a mirrored image has
     *                 no reason to know one
     */
    public List<int[]> crops(Shape stored, Shape input, boolean mirrored) {
        int[] centre = centre(stored, input);
        List<int[]> crops = new ArrayList<>();
        for (int mirror = 0; this == TEN && mirror <= (mirrored ? 1 : 0); mirror++) {
            int bottom = stored.height() - input.height();
            int right = stored.width() - input.width();
            add(crops, 0, 0, mirror);
            add(crops, 0, right, mirror);
            add(crops, bottom, 0, mirror);
            add(crops, bottom, right, mirror);
            add(crops, centre[0], centre[1], mirror);
        }
        return this == ONE ? List.of(centre) : crops;
    }

    private static void add(List<int[]> crops, int... crop) {
        if (crops.stream().noneMatch(other -> Arrays.equals(other, crop))) {
            crops.add(crop);
        }
    }
}
