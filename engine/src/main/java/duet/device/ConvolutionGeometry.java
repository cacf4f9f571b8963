package duet.device;

/**
 * The numbers of a convolution (square kernel). Input channels and filters are those of the whole operation on this device;
 * group g reads input channels [g * channels / groups, (g + 1) * channels / groups) and makes the like slice of the filters.
 * A tap outside the image counts as zero; with ceil geometry the last window may reach past {@code padding}.
 */
public record ConvolutionGeometry(
        int channels, int height, int width, int filters, int kernel, int stride, int padding, int groups, int outputHeight,
        int outputWidth) {

    /** Multiply-adds of one image, taps in the padding included. */
    public long multiplyAdds() {
        return (long) outputHeight * outputWidth * filters * (channels / groups) * kernel * kernel;
    }
}
