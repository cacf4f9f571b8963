package duet.data.pixels;

import duet.net.Shape;

/**
 * A rectangle of pixels that lies in an array.
 *
 * @param levels   height rows of width x channels levels, from 0 to 255
 * @param offset   of the first level
 * @param stride   levels from the beginning of a row to that of the next
 * @param height   rows
 * @param width    pixels of a row
 * @param channels levels of a pixel, neighbours
 */
public record Pixels(byte[] levels, int offset, int stride, int height, int width, int channels) {
    /** An image whose rows follow each other without a gap. */
    public static Pixels of(byte[] levels, int offset, int height, int width, int channels) {
        return new Pixels(levels, offset, width * channels, height, width, channels);
    }

    public static Pixels of(byte[] levels, int offset, Shape shape) {
        return of(levels, offset, shape.height(), shape.width(), shape.channels());
    }

    /** A rectangle inside of this one. */
    public Pixels part(int top, int left, int partHeight, int partWidth) {
        return new Pixels(levels, offset + top * stride + left * channels, stride, partHeight, partWidth, channels);
    }

    int row(int y) {
        return offset + y * stride;
    }
}
