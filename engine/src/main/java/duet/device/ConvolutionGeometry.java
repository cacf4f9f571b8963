package duet.device;

/**
 * The numbers of a convolution (square kernel). Input channels and filters are those of the whole operation on this device;
 * group g reads input channels [g * channels / groups, (g + 1) * channels / groups) and makes the like slice of the filters.
 * A tap outside the image counts as zero. How far windows reach past the image on the right and below follows from the size of the output:
 * with ceil geometry further than {@code padding}.
 *
 * @param channels     of the input
 * @param height       of the input
 * @param width        of the input
 * @param filters      channels of the output
 * @param kernel       pixels along a filter's side
 * @param stride       pixels from one window to the next
 * @param padding      columns outside the image on the left
 * @param paddingTop   rows outside the image above; a part of a map may have fewer of them than the whole
 * @param groups       parts of channels and filters that have nothing to do with each other
 * @param outputHeight rows of the output
 * @param outputWidth  columns of the output
 */
public record ConvolutionGeometry(
        int channels, int height, int width, int filters, int kernel, int stride, int padding, int paddingTop, int groups,
        int outputHeight, int outputWidth) {

    /** As many rows of padding above the image as columns on its left. */
    @SuppressWarnings("doclint:missing") // the record says it
    public ConvolutionGeometry(int channels, int height, int width, int filters, int kernel, int stride, int padding, int groups,
            int outputHeight, int outputWidth) {
        this(channels, height, width, filters, kernel, stride, padding, padding, groups, outputHeight, outputWidth);
    }

    /** {@return the multiply-adds of one image, taps in the padding included} */
    public long multiplyAdds() {
        return (long) outputHeight * outputWidth * filters * (channels / groups) * kernel * kernel;
    }
}
