package duet.data;

/**
 * The directions in which the colours of pixels vary most: eigenvectors of their covariance, the largest eigenvalue first.
 *
 * @param variances  the eigenvalues, in squared levels, [axis]
 * @param axes       of length 1, the largest component positive, [axis][channel]
 */
public record PrincipalColours(double[] variances, double[][] axes) {
    private static final int SWEEPS = 50;

    /** By Jacobi's rotations (Golub and Van Loan, "Matrix computations", section 8.5). */
    static PrincipalColours of(double[][] covariance) {
        int n = covariance.length;
        double[][] a = new double[n][];
        double[][] vectors = new double[n][n];
        for (int i = 0; i < n; i++) {
            a[i] = covariance[i].clone();
            vectors[i][i] = 1;
        }
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int p = 0; p < n; p++) {
                for (int q = p + 1; q < n; q++) {
                    rotate(a, vectors, p, q);
                }
            }
        }
        return sorted(a, vectors);
    }

    /** Makes a[p][q] zero. Row i of {@code vectors} becomes an eigenvector. */
    private static void rotate(double[][] a, double[][] vectors, int p, int q) {
        if (a[p][q] == 0) {
            return;
        }
        double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
        double t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        double cosine = 1 / Math.sqrt(t * t + 1);
        double sine = t * cosine;
        for (int k = 0; k < a.length; k++) {
            double kp = a[k][p];
            double kq = a[k][q];
            a[k][p] = cosine * kp - sine * kq;
            a[k][q] = sine * kp + cosine * kq;
        }
        for (int k = 0; k < a.length; k++) {
            double pk = a[p][k];
            double qk = a[q][k];
            a[p][k] = cosine * pk - sine * qk;
            a[q][k] = sine * pk + cosine * qk;
            double vp = vectors[p][k];
            double vq = vectors[q][k];
            vectors[p][k] = cosine * vp - sine * vq;
            vectors[q][k] = sine * vp + cosine * vq;
        }
    }

    private static PrincipalColours sorted(double[][] diagonal, double[][] vectors) {
        int n = vectors.length;
        Integer[] order = new Integer[n];
        java.util.Arrays.setAll(order, i -> i);
        java.util.Arrays.sort(order, (i, j) -> Double.compare(diagonal[j][j], diagonal[i][i]));
        double[] variances = new double[n];
        double[][] axes = new double[n][];
        for (int i = 0; i < n; i++) {
            variances[i] = Math.max(0, diagonal[order[i]][order[i]]);
            axes[i] = positive(vectors[order[i]]);
        }
        return new PrincipalColours(variances, axes);
    }

    /** An eigenvector may have either sign: this picks one of the two. */
    private static double[] positive(double[] vector) {
        double largest = 0;
        for (double component : vector) {
            largest = Math.abs(component) > Math.abs(largest) ? component : largest;
        }
        double[] result = vector.clone();
        for (int i = 0; largest < 0 && i < result.length; i++) {
            result[i] = -result[i];
        }
        return result;
    }

    /**
     * {@return axes times standard deviations, [axis][channel] one after the other} A colour as common as those of the pixels is their sum,
     * each times a standard normal number.
     */
    public float[] deviations() {
        int n = variances.length;
        float[] result = new float[n * n];
        for (int axis = 0; axis < n; axis++) {
            for (int c = 0; c < n; c++) {
                result[axis * n + c] = (float) (Math.sqrt(variances[axis]) * axes[axis][c]);
            }
        }
        return result;
    }
}
