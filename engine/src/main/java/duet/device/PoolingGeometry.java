package duet.device;

/**
 * The numbers of a pooling layer (square window). Windows are cut to the image, also by average pooling, which divides by the
 * number of pixels that are inside. A recorded winner is the position in the uncut window, row * window + column; the first
 * largest one wins.
 */
public record PoolingGeometry(int channels, int height, int width, int window, int stride, int padding, int outputHeight,
        int outputWidth) {}
