package duet.reference;

import duet.device.SpatialNorm;
import duet.device.Tensor;

/**
 * Response normalisation within each map, b_i = a_i * s_i^-beta with s_i = k + alpha * sum of a_j^2 over the pixels j of the window
 * around i. With {@link #windowSums} written out pixel by pixel the gradient is that of {@link ResponseNorms}.
 */
final class SpatialNorms {
    private SpatialNorms() {}

    static void forward(SpatialNorm norm, Tensor t, double[] a, double[] b) {
        double[] s = normaliser(norm, t, a);
        for (int i = 0; i < a.length; i++) {
            b[i] = a[i] * Math.pow(s[i], -norm.beta());
        }
    }

    static void backward(SpatialNorm norm, Tensor t, double[] a, double[] gradientB, double[] gradientA) {
        double[] s = normaliser(norm, t, a);
        double[] terms = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            terms[i] = gradientB[i] * a[i] * Math.pow(s[i], -norm.beta() - 1);
        }
        double[] sums = windowSums(norm, t, terms);
        for (int i = 0; i < a.length; i++) {
            gradientA[i] = gradientB[i] * Math.pow(s[i], -norm.beta()) - 2.0 * norm.alpha() * norm.beta() * a[i] * sums[i];
        }
    }

    private static double[] normaliser(SpatialNorm norm, Tensor t, double[] a) {
        double[] squares = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            squares[i] = a[i] * a[i];
        }
        double[] s = windowSums(norm, t, squares);
        for (int i = 0; i < s.length; i++) {
            s[i] = norm.k() + norm.alpha() * s[i];
        }
        return s;
    }

    /** For each element the sum over the pixels of its map that are at most size / 2 rows and columns away. */
    private static double[] windowSums(SpatialNorm norm, Tensor t, double[] values) {
        int half = norm.size() / 2;
        double[] sums = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            int x = i % t.width();
            int y = i / t.width() % t.height();
            int map = i - y * t.width() - x;
            for (int row = Math.max(0, y - half); row <= Math.min(t.height() - 1, y + half); row++) {
                for (int column = Math.max(0, x - half); column <= Math.min(t.width() - 1, x + half); column++) {
                    sums[i] += values[map + row * t.width() + column];
                }
            }
        }
        return sums;
    }
}
