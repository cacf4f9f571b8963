package duet.cli.tensorboard;

import duet.cli.tensorboard.proto.TensorBoard.HistogramProto;

/**
 * How numbers are spread, in parts of equal width from the lowest to the highest: twice as many as TensorBoard draws.
 *
 * @param counts numbers in each part; a number on the border of two belongs to the upper one
 */
record Histogram(double lowest, double highest, double sum, double sumOfSquares, long[] counts) {
    private static final int PARTS = 64;

    static Histogram of(float[] values) {
        float lowest = Float.POSITIVE_INFINITY;
        float highest = Float.NEGATIVE_INFINITY;
        double sum = 0;
        double sumOfSquares = 0;
        for (float value : values) {
            lowest = Math.min(lowest, value);
            highest = Math.max(highest, value);
            sum += value;
            sumOfSquares += (double) value * value;
        }
        return new Histogram(lowest, highest, sum, sumOfSquares, counts(values, lowest, highest));
    }

    private static long[] counts(float[] values, double lowest, double highest) {
        if (!(highest > lowest) || Double.isInfinite(highest - lowest)) {
            return new long[] {values.length};
        }
        long[] counts = new long[PARTS];
        double scale = PARTS / (highest - lowest);
        for (float value : values) {
            counts[Math.min(PARTS - 1, (int) ((value - lowest) * scale))]++;
        }
        return counts;
    }

    /** Whether no number is infinite or none at all, which a histogram cannot show. */
    boolean isFinite() {
        return Double.isFinite(sumOfSquares);
    }

    /** Euclidean length of the numbers as a vector. */
    double norm() {
        return Math.sqrt(sumOfSquares);
    }

    HistogramProto toProto() {
        HistogramProto.Builder proto = HistogramProto.newBuilder().setMin(lowest).setMax(highest).setSum(sum).setSumSquares(sumOfSquares);
        double width = (highest - lowest) / counts.length;
        long numbers = 0;
        for (int part = 0; part < counts.length; part++) {
            proto.addBucketLimit(part == counts.length - 1 ? highest : lowest + (part + 1) * width).addBucket(counts[part]);
            numbers += counts[part];
        }
        return proto.setNum(numbers).build();
    }
}
