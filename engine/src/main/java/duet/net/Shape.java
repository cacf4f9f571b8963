package duet.net;

/**
 * What a layer makes of one image: channels x height x width.
 *
 * @param channels or numbers, of a fully connected layer
 * @param height   in pixels
 * @param width    in pixels
 */
public record Shape(int channels, int height, int width) {
    /** {@return how many numbers that is} */
    public long elements() {
        return (long) channels * height * width;
    }

    @Override
    public String toString() {
        return channels + "x" + height + "x" + width;
    }
}
