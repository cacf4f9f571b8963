package duet.train;

/**
 * Notices a loss that sits at ln(classes), what a network reaches that gives every class the same probability. With the paper's
 * initial biases of 1 that happens to many people.
 */
final class FlatLoss {
    private static final int WINDOW = 100;
    private static final int FIRST_STEP = 200;
    private static final double TOLERANCE = 0.01;

    private final int classes;
    private final double[] recent = new double[WINDOW];
    private long count;
    private boolean warned;

    FlatLoss(int classes) {
        this.classes = classes;
    }

    /**
     * @param step steps done
     * @return a warning, once; else null
     */
    String add(long step, double loss) {
        recent[(int) (count++ % WINDOW)] = loss;
        if (warned || step < FIRST_STEP || count < WINDOW) {
            return null;
        }
        double sum = 0;
        for (double value : recent) {
            sum += value;
        }
        double guess = Math.log(classes);
        if (Math.abs(sum / WINDOW - guess) > TOLERANCE * guess) {
            return null;
        }
        warned = true;
        return String.format(java.util.Locale.ROOT, "after %d steps the loss still sits at ln(%d) = %.3f, as if every class were guessed: "
                + "the network does not learn; try initial biases of 0 or 0.1 instead of 1, the HE initialization, or another learning "
                + "rate",
                step, classes, guess);
    }
}
