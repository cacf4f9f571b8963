package duet.device;

/**
 * The numbers of a convolution (square kernel). Input channels and filters are those of the whole operation on this device;
 * group g reads input channels [g * channels / groups, (g + 1) * channels / groups) and makes the like slice of the filters.
 * A tap outside the image counts as zero; with ceil geometry the last window may reach past {@code padding}.
 *
 * @param channels     of the input
 * @param height       of the input
 * @param width        of the input
 * @param filters      channels of the output
 * @param kernel       pixels along a filter's side
 * @param stride       pixels from one window to the next
 * @param padding      pixels outside the image on each side
 * @param groups       parts of channels and filters that have nothing to do with each other
 * @param outputHeight rows of the output
 * @param outputWidth  columns of the output
 */
public record ConvolutionGeometry(
        int channels, int height, int width, int filters, int kernel, int stride, int padding, int groups, int outputHeight,
        int outputWidth) {

    /** {@return the multiply-adds of one image, taps in the padding included} */
    public long multiplyAdds() {
        return (long) outputHeight * outputWidth * filters * (channels / groups) * kernel * kernel;
    }
}
