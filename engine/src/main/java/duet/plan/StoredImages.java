package duet.plan;

import duet.net.NetworkException;

/**
 * The images that the host hands over with each batch.
 *
 * @param height      of a stored image
 * @param width       of a stored image
 * @param colourNoise whether a colour for each image comes with them
 * @param divisor     what the prepared images are divided by besides the network's scale, 1 unless the noise asks for it
 */
public record StoredImages(int height, int width, boolean colourNoise, double divisor) {
    /**
     * Images without colour noise.
     *
     * @param height of a stored image
     * @param width  of a stored image
     */
    public StoredImages(int height, int width) {
        this(height, width, false, 1);
    }

    /** Throws a {@link NetworkException} for images without pixels. */
    public StoredImages {
        if (height <= 0 || width <= 0) {
            throw new NetworkException("stored images of " + height + "x" + width + " pixels cannot be");
        }
    }
}
