package duet.data;

import duet.device.Philox;

/**
 * The paper's colour noise, section 4.1: [p1 p2 p3][a1 l1, a2 l2, a3 l3]^T is added to every pixel of an image, a ~ N(0, {@code amount})
 * drawn once for each image and epoch, p the principal axes of the training pixels' colours.
 *
 * <p>The paper calls l the eigenvalue of their covariance. For levels from 0 to 255 that would be thousands; the original code
 * (convdata.py) multiplies with what it names {@code color_stdevs}, and so does this: l is the eigenvalue's square root.
 *
 * @param deviations see {@link PrincipalColours#deviations}
 */
record ColourNoise(float[] deviations, int channels, double amount, long seed) {
    /**
     * Writes a colour of {@code channels} numbers, in levels.
     *
     * @param factor what the amount is multiplied by
     */
    void draw(long epoch, int index, double factor, float[] shifts, int offset) {
        double[] colour = new double[channels];
        for (int axis = 0; axis < channels; axis++) {
            double a = factor * amount * Philox.normal(seed, Philox.COLOUR, epoch, (long) index * channels + axis);
            for (int c = 0; c < channels; c++) {
                colour[c] += a * deviations[axis * channels + c];
            }
        }
        for (int c = 0; c < channels; c++) {
            shifts[offset + c] = (float) colour[c];
        }
    }
}
