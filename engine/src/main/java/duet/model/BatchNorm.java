package duet.model;

/**
 * Batch normalisation as it is in evaluation: {@code (x - mean) / sqrt(variance + epsilon) * scale + shift}, a factor and a summand for
 * each channel.
 */
record BatchNorm(float[] scale, float[] shift, float[] mean, float[] variance, double epsilon) {
    /** Whether there is one of each for all channels, and no square root of what has none. */
    boolean fits() {
        if (shift.length != scale.length || mean.length != scale.length || variance.length != scale.length) {
            return false;
        }
        for (float each : variance) {
            if (!(each + epsilon > 0)) {
                return false;
            }
        }
        return true;
    }

    private double factor(int channel) {
        return scale[channel] / Math.sqrt(variance[channel] + epsilon);
    }

    float[] factors() {
        float[] factors = new float[scale.length];
        for (int i = 0; i < factors.length; i++) {
            factors[i] = (float) factor(i);
        }
        return factors;
    }

    float[] summands() {
        float[] summands = new float[scale.length];
        for (int i = 0; i < summands.length; i++) {
            summands[i] = (float) (shift[i] - mean[i] * factor(i));
        }
        return summands;
    }
}
