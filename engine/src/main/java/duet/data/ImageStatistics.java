package duet.data;

import duet.net.Shape;

/**
 * What is subtracted from images and how their colours vary, in levels (0 to 255).
 *
 * @param images     how many it was taken over
 * @param stored     size of the images
 * @param meanImage  [channels][height][width] of {@code stored}
 * @param meanColour mean over all pixels, [channels]
 * @param covariance of a pixel's channels over all pixels, [channels][channels]; null for images of more than 4 channels
 */
public record ImageStatistics(long images, Shape stored, float[] meanImage, double[] meanColour, double[][] covariance) {

    /**
     * {@return what {@link duet.device.Operation.PrepareInput} subtracts, [channels][height][width]}
     *
     * @param kind mean image, mean colour or nothing
     */
    public float[] mean(Mean kind) {
        return switch (kind) {
            case IMAGE -> meanImage.clone();
            case NONE -> new float[meanImage.length];
            case RGB -> {
                int pixels = stored.height() * stored.width();
                float[] mean = new float[meanImage.length];
                for (int e = 0; e < mean.length; e++) {
                    mean[e] = (float) meanColour[e / pixels];
                }
                yield mean;
            }
        };
    }

    /**
     * {@return the directions in which the colours vary most} Computed anew by each call.
     *
     * @throws DataException for images of more than 4 channels
     */
    public PrincipalColours principalColours() {
        if (covariance == null) {
            throw new DataException("colour noise needs images of 1 to 4 channels, not " + stored.channels() + ": give --colour-noise 0");
        }
        return PrincipalColours.of(covariance);
    }
}
