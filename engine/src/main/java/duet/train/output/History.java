package duet.train.output;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** The metrics so far, for drawing. */
public final class History {
    static final Comparator<Metrics> BEST_FIRST = Comparator.comparingDouble(Metrics::top1).reversed()
            .thenComparingDouble(Metrics::loss).thenComparingLong(Metrics::step);

    private static final int COLUMNS = 4;

    /** For each training line: epoch, loss, top-1, step. */
    private float[] training = new float[COLUMNS * 1024];
    private int count;
    private final List<Metrics> validations = new ArrayList<>();

    /** No metrics yet. */
    public History() {}

    /**
     * Takes a line of metrics.
     *
     * @param metrics of a step or a validation
     */
    public void add(Metrics metrics) {
        if (metrics.event().equals("validation")) {
            validations.add(metrics);
            return;
        }
        if (COLUMNS * (count + 1) > training.length) {
            training = Arrays.copyOf(training, 2 * training.length);
        }
        training[COLUMNS * count] = (float) metrics.epoch();
        training[COLUMNS * count + 1] = (float) metrics.loss();
        training[COLUMNS * count + 2] = (float) metrics.top1();
        training[COLUMNS * count + 3] = metrics.step();
        count++;
    }

    /**
     * A point of a curve: means over a stretch of training.
     *
     * @param epoch passes over the data done
     * @param loss  mean cross-entropy in nats
     * @param top1  share of images
     * @param step  steps done
     */
    public record Point(double epoch, double loss, double top1, double step) {}

    /**
     * {@return the training, as at most {@code points} means over about equally many steps}
     *
     * @param points above 0
     */
    public List<Point> training(int points) {
        List<Point> means = new ArrayList<>();
        int stretches = Math.min(count, points);
        for (int stretch = 0; stretch < stretches; stretch++) {
            int start = (int) ((long) stretch * count / stretches);
            int end = (int) ((stretch + 1L) * count / stretches);
            double[] sums = new double[COLUMNS];
            for (int i = COLUMNS * start; i < COLUMNS * end; i++) {
                sums[i % COLUMNS] += training[i];
            }
            means.add(new Point(sums[0] / (end - start), sums[1] / (end - start), sums[2] / (end - start), sums[3] / (end - start)));
        }
        return means;
    }

    /** {@return how many lines of either kind there are} */
    public int lines() {
        return count + validations.size();
    }

    /** {@return the validation with the lowest top-1 error, of equal ones that with the lowest loss, then the first; null if none} */
    public Metrics best() {
        return validations.stream().min(BEST_FIRST).orElse(null);
    }

    /** {@return the validations so far} */
    public List<Metrics> validations() {
        return validations;
    }

    /** {@return the last validation; null if there was none yet} */
    public Metrics lastValidation() {
        return validations.isEmpty() ? null : validations.getLast();
    }
}
