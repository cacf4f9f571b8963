package duet.data;

import duet.net.Shape;

/** What of a stored image is looked at to classify it. */
public enum Views {
    /** The centre. */
    ONE(1),
    /** The four corners and the centre, then the same five mirrored: the paper, section 4.1. The probabilities are averaged. */
    TEN(10);

    private final int count;

    Views(int count) {
        this.count = count;
    }

    /** {@return how many views an image has} */
    public int count() {
        return count;
    }

    /**
     * Where a view lies: top, left, mirror (0 or 1), as {@link duet.device.Operation.PrepareInput} takes it.
     *
     * @param view   from 0 to {@link #count()} - 1
     * @param stored size of the stored image
     * @param input  not larger than the stored image; where it is as large, all views are the image or its mirror image
     * @return top, left, mirror
     */
    public int[] crop(int view, Shape stored, Shape input) {
        int bottom = stored.height() - input.height();
        int right = stored.width() - input.width();
        if (bottom < 0 || right < 0) {
            throw new DataException("stored images of " + stored + " are smaller than the network's input " + input);
        }
        if (this == ONE) {
            return new int[] {bottom / 2, right / 2, 0};
        }
        int mirror = view / 5;
        return switch (view % 5) {
            case 0 -> new int[] {0, 0, mirror};
            case 1 -> new int[] {0, right, mirror};
            case 2 -> new int[] {bottom, 0, mirror};
            case 3 -> new int[] {bottom, right, mirror};
            default -> new int[] {bottom / 2, right / 2, mirror};
        };
    }
}
