package duet.reference;

/** Softmax and cross-entropy of logits [n][class]. */
final class Losses {
    private Losses() {}

    static void softmaxCrossEntropy(
            int batch, double[] logits, double[] labels, double[] losses, double[] ranks, double[] probabilities, double[] gradient,
            double divisor) {
        int classes = logits.length / batch;
        for (int n = 0; n < batch; n++) {
            int row = n * classes;
            int label = (int) labels[n];
            double largest = Double.NEGATIVE_INFINITY;
            for (int c = 0; c < classes; c++) {
                largest = Math.max(largest, logits[row + c]);
            }
            double sum = 0;
            for (int c = 0; c < classes; c++) {
                sum += Math.exp(logits[row + c] - largest);
            }
            losses[n] = label < 0 ? 0 : Math.log(sum) - (logits[row + label] - largest);
            ranks[n] = label < 0 ? -1 : rank(logits, row, classes, label);
            for (int c = 0; c < classes; c++) {
                double probability = Math.exp(logits[row + c] - largest) / sum;
                if (probabilities != null) {
                    probabilities[row + c] = probability;
                }
                if (gradient != null) {
                    gradient[row + c] = label < 0 ? 0 : (probability - (c == label ? 1 : 0)) / divisor;
                }
            }
        }
    }

    /** Other classes before the label when sorted by falling logit, then by rising index, NaN first of all. */
    private static int rank(double[] logits, int row, int classes, int label) {
        double own = logits[row + label];
        int rank = 0;
        for (int c = 0; c < classes; c++) {
            double other = logits[row + c];
            if (c != label && (Double.isNaN(other) || other > own || other == own && c < label)) {
                rank++;
            }
        }
        return rank;
    }
}
