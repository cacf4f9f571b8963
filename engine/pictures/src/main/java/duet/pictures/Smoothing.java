package duet.pictures;

/**
 * Local regression of noisy points (LOESS of degree 1: Cleveland 1979): at each point the value of a straight line that is fitted to its
 * neighbours, nearer ones weighing more. Unlike a running mean it is not late, and it follows a slope up to the ends.
 */
final class Smoothing {
    /** Fewer points are shown as they are. */
    static final int LEAST = 12;
    /** One neighbour in so many points counts, on both sides together. */
    private static final int SPAN = 20;

    private Smoothing() {}

    /**
     * @param x rising
     * @param y as many
     * @return the smooth values at x, between the least and the greatest that were looked at
     */
    static double[] of(double[] x, double[] y) {
        double[] smooth = new double[y.length];
        int reach = Math.max(3, x.length / (2 * SPAN));
        for (int i = 0; i < y.length; i++) {
            smooth[i] = at(x, y, Math.max(0, i - reach), Math.min(y.length, i + reach + 1), i);
        }
        return smooth;
    }

    private static double at(double[] x, double[] y, int from, int to, int point) {
        double widest = Math.max(x[to - 1] - x[point], x[point] - x[from]) * 1.0001;
        double weights = 0;
        double sumX = 0;
        double sumY = 0;
        double sumXx = 0;
        double sumXy = 0;
        double least = Double.POSITIVE_INFINITY;
        double greatest = Double.NEGATIVE_INFINITY;
        for (int i = from; i < to; i++) {
            double distance = x[i] - x[point];
            double share = widest > 0 ? Math.abs(distance) / widest : 0;
            double weight = Math.pow(1 - share * share * share, 3);
            weights += weight;
            sumX += weight * distance;
            sumY += weight * y[i];
            sumXx += weight * distance * distance;
            sumXy += weight * distance * y[i];
            least = Math.min(least, y[i]);
            greatest = Math.max(greatest, y[i]);
        }
        double determinant = weights * sumXx - sumX * sumX;
        double value = determinant > 1e-12 * weights * sumXx ? (sumXx * sumY - sumX * sumXy) / determinant : sumY / weights;
        return Math.clamp(value, least, greatest);
    }
}
