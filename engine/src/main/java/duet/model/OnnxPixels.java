package duet.model;

import duet.net.Shape;

/** What an ONNX graph does to the pixels before its first layer: takes off a mean, multiplies by a scale. */
final class OnnxPixels {
    private final Shape input;
    /** Levels, [channels][height][width]. */
    private final double[] mean;
    private boolean hasMean;
    private double scale = 1;

    OnnxPixels(Shape input) {
        this.input = input;
        this.mean = new double[Math.toIntExact(input.elements())];
    }

    /**
     * @param operator     Add, Sub, Mul or Div
     * @param values       of its constant
     * @param channelsLast whether the pixels are [height][width][channels] here
     * @return whether it is a mean or a scale
     */
    boolean prepare(String operator, float[] values, boolean channelsLast) {
        boolean sum = operator.equals("Add") || operator.equals("Sub");
        boolean levels = values.length == 1 || values.length == input.channels() || values.length == input.elements() && !channelsLast;
        if (sum && levels) {
            int sign = operator.equals("Sub") ? 1 : -1;
            int repeat = Math.toIntExact(input.elements() / values.length);
            for (int i = 0; i < mean.length; i++) {
                mean[i] += sign * values[i / repeat] / scale;
            }
            hasMean = true;
            return true;
        }
        if (!sum && values.length == 1 && values[0] != 0) {
            scale = operator.equals("Mul") ? scale * values[0] : scale / values[0];
            return true;
        }
        return false;
    }

    double scale() {
        return scale;
    }

    /** A level for each channel where all its pixels have the same one, else the image; null if none was taken off. */
    MeanLevels mean() {
        if (!hasMean) {
            return null;
        }
        float[] image = new float[mean.length];
        for (int i = 0; i < mean.length; i++) {
            image[i] = (float) mean[i];
        }
        return new MeanLevels(input, image).flattened();
    }
}
