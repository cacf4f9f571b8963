package duet.cli.watch;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.train.output.Metrics;
import duet.train.schedule.RateChange;

/** What {@code metrics.jsonl} has said so far: 20 bytes a step, and the few validations and changes of rates as they are. Thread-safe. */
final class Course {
    private static final int FIRST_ROOM = 1024;
    /** So many steps are the present. */
    private static final int RECENT = 50;

    private int[] steps = new int[FIRST_ROOM];
    private float[] losses = new float[FIRST_ROOM];
    private float[] top1 = new float[FIRST_ROOM];
    private float[] rates = new float[FIRST_ROOM];
    private float[] speeds = new float[FIRST_ROOM];
    private int count;
    private double epochsOfAStep;
    private final List<Metrics> validations = new ArrayList<>();
    private final List<RateChange> changes = new ArrayList<>();
    private int generation;

    /**
     * Points of the curves of training: each the mean over about equally many steps, at the last of them.
     *
     * @param step  steps done
     * @param loss  cross-entropy in nats
     * @param top1  share of images
     * @param rate  learning rate of the last step
     * @param speed images a second
     */
    record Curve(int[] step, float[] loss, float[] top1, float[] rate, float[] speed) {}

    /**
     * How much there is.
     *
     * @param generation another one: the file was cut off, and all of it was read again
     * @param count      lines of steps
     */
    record Extent(int generation, int count, int validations, int changes) {}

    synchronized void clear() {
        count = 0;
        epochsOfAStep = 0;
        validations.clear();
        changes.clear();
        generation++;
    }

    synchronized void add(RateChange change) {
        changes.add(change);
    }

    synchronized void add(Metrics metrics) {
        epochsOfAStep = metrics.epoch() / Math.max(1, metrics.step());
        if (metrics.event().equals("validation")) {
            validations.add(metrics);
            return;
        }
        if (count == steps.length) {
            steps = Arrays.copyOf(steps, 2 * count);
            losses = Arrays.copyOf(losses, 2 * count);
            top1 = Arrays.copyOf(top1, 2 * count);
            rates = Arrays.copyOf(rates, 2 * count);
            speeds = Arrays.copyOf(speeds, 2 * count);
        }
        steps[count] = (int) metrics.step();
        losses[count] = (float) metrics.loss();
        top1[count] = (float) metrics.top1();
        rates[count] = (float) metrics.learningRate();
        speeds[count] = (float) metrics.imagesPerSecond();
        count++;
    }

    synchronized Extent extent() {
        return new Extent(generation, count, validations.size(), changes.size());
    }

    /** 0 before the first line. */
    synchronized double epochsOfAStep() {
        return epochsOfAStep;
    }

    /** Steps done; 0 before the first. */
    synchronized long step() {
        return Math.max(count == 0 ? 0 : steps[count - 1], validations.isEmpty() ? 0 : validations.getLast().step());
    }

    /** Mean over the last steps, as one step is noisy; null before the first. */
    synchronized Double loss() {
        Curve recent = means(Math.max(0, count - RECENT), count, 1);
        return recent.loss().length == 0 ? null : (Double) (double) recent.loss()[0];
    }

    /** The median of the last steps, as one of them may have waited for something; null before the first. */
    synchronized Double speed() {
        float[] recent = Arrays.copyOfRange(speeds, Math.max(0, count - RECENT), count);
        Arrays.sort(recent);
        return recent.length == 0 ? null : (Double) (double) recent[recent.length / 2];
    }

    /** @param from the first that is wanted, by its place */
    synchronized List<Metrics> validations(int from) {
        return List.copyOf(validations.subList(Math.min(from, validations.size()), validations.size()));
    }

    /** @param from the first that is wanted, by its place */
    synchronized List<RateChange> changes(int from) {
        return List.copyOf(changes.subList(Math.min(from, changes.size()), changes.size()));
    }

    /** Steps after a place, as at most that many points. */
    synchronized Curve after(int from, int points) {
        return means(Math.min(from, count), count, points);
    }

    /** Steps from one to another, both included, as at most that many points. */
    synchronized Curve between(long from, long to, int points) {
        return means(place(from), place(to + 1), points);
    }

    /** Of the first line with that step or a later one. */
    private int place(long step) {
        int found = Arrays.binarySearch(steps, 0, count, Math.clamp(step, 0, Integer.MAX_VALUE));
        return found < 0 ? -found - 1 : found;
    }

    private Curve means(int from, int to, int points) {
        int stretches = Math.max(0, Math.min(to - from, points));
        Curve curve = new Curve(new int[stretches], new float[stretches], new float[stretches], new float[stretches], new float[stretches]);
        for (int stretch = 0; stretch < stretches; stretch++) {
            int begin = from + (int) ((long) stretch * (to - from) / stretches);
            int end = from + (int) ((stretch + 1L) * (to - from) / stretches);
            curve.step[stretch] = steps[end - 1];
            curve.loss[stretch] = mean(losses, begin, end);
            curve.top1[stretch] = mean(top1, begin, end);
            curve.rate[stretch] = rates[end - 1];
            curve.speed[stretch] = mean(speeds, begin, end);
        }
        return curve;
    }

    private static float mean(float[] values, int begin, int end) {
        double sum = 0;
        for (int i = begin; i < end; i++) {
            sum += values[i];
        }
        return (float) (sum / (end - begin));
    }
}
