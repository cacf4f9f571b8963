package duet.device;

/**
 * The numbers of a pooling layer (square window). Windows are cut to the image, also by average pooling, which divides by the
 * number of pixels that are inside. A recorded winner is the position in the uncut window, row * window + column; the first
 * largest one wins.
 *
 * @param channels     of input and output
 * @param height       of the input
 * @param width        of the input
 * @param window       pixels along a window's side
 * @param stride       pixels from one window to the next
 * @param padding      columns outside the image on the left
 * @param paddingTop   rows outside the image above; a part of a map may have fewer of them than the whole
 * @param outputHeight rows of the output
 * @param outputWidth  columns of the output
 */
public record PoolingGeometry(int channels, int height, int width, int window, int stride, int padding, int paddingTop,
        int outputHeight, int outputWidth) {

    /** As many rows of padding above the image as columns on its left. */
    @SuppressWarnings("doclint:missing") // the record says it
    public PoolingGeometry(int channels, int height, int width, int window, int stride, int padding, int outputHeight, int outputWidth) {
        this(channels, height, width, window, stride, padding, padding, outputHeight, outputWidth);
    }
}
