package duet.net;

/**
 * The square window that a layer slides over the maps of its input.
 *
 * @param size    pixels along a side
 * @param stride  pixels from one window to the next
 * @param padding pixels outside the image that the first window begins with
 */
public record Window(int size, int stride, int padding) {
    /** One pixel sees one pixel. */
    public static final Window PIXEL = new Window(1, 1, 0);
    /** Larger than any image: one output sees all of it. */
    public static final Window WHOLE = new Window(Integer.MAX_VALUE, 1, 0);

    /**
     * {@return how many windows lie along a side of an image; 0 where none fits}
     *
     * @param length   of the side, in pixels
     * @param rounding down, or up
     */
    public long outputs(int length, Rounding rounding) {
        long room = length + 2L * padding - size;
        if (room < 0 || stride < 1) {
            return 0;
        }
        return 1 + (rounding == Rounding.CEIL ? Math.ceilDiv(room, (long) stride) : room / stride);
    }
}
