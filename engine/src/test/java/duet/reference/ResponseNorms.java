package duet.reference;

import duet.device.ResponseNorm;
import duet.device.Tensor;

/**
 * Local response normalisation, b_i = a_i * s_i^-beta with s_i = k + alpha * sum of a_j^2 over the neighbours j of i (itself
 * included). Since a_i is in s_j exactly where j is a neighbour of i,
 *
 * <pre>gradient a_i = gradient b_i * s_i^-beta - 2 alpha beta a_i * sum over neighbours j of gradient b_j * a_j * s_j^(-beta - 1)</pre>
 */
final class ResponseNorms {
    private ResponseNorms() {}

    static void forward(ResponseNorm norm, Tensor t, double[] a, double[] b) {
        double[] s = normaliser(norm, t, a);
        for (int i = 0; i < a.length; i++) {
            b[i] = a[i] * Math.pow(s[i], -norm.beta());
        }
    }

    static void backward(ResponseNorm norm, Tensor t, double[] a, double[] gradientB, double[] gradientA) {
        double[] s = normaliser(norm, t, a);
        double[] terms = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            terms[i] = gradientB[i] * a[i] * Math.pow(s[i], -norm.beta() - 1);
        }
        double[] sums = neighbourSums(norm, t, terms);
        for (int i = 0; i < a.length; i++) {
            gradientA[i] = gradientB[i] * Math.pow(s[i], -norm.beta()) - 2.0 * norm.alpha() * norm.beta() * a[i] * sums[i];
        }
    }

    private static double[] normaliser(ResponseNorm norm, Tensor t, double[] a) {
        double[] squares = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            squares[i] = a[i] * a[i];
        }
        double[] s = neighbourSums(norm, t, squares);
        for (int i = 0; i < s.length; i++) {
            s[i] = norm.k() + norm.alpha() * s[i];
        }
        return s;
    }

    /** For each element the sum over channels c - size/2 to c + size/2 of its group, at the same pixel. */
    private static double[] neighbourSums(ResponseNorm norm, Tensor t, double[] values) {
        int plane = t.height() * t.width();
        int groupChannels = t.channels() / norm.groups();
        double[] sums = new double[values.length];
        for (int n = 0; n < t.batch(); n++) {
            for (int c = 0; c < t.channels(); c++) {
                int groupFirst = c / groupChannels * groupChannels;
                int first = Math.max(groupFirst, c - norm.size() / 2);
                int last = Math.min(groupFirst + groupChannels - 1, c + norm.size() / 2);
                for (int j = first; j <= last; j++) {
                    for (int p = 0; p < plane; p++) {
                        sums[(n * t.channels() + c) * plane + p] += values[(n * t.channels() + j) * plane + p];
                    }
                }
            }
        }
        return sums;
    }
}
