package duet.cli.output;

import java.util.Locale;

import duet.text.Text;
import duet.train.output.Metrics;

/** A line for the first step, then one every few seconds with the mean since the last, and one for each validation. */
final class PlainProgress extends Progress {
    private static final long INTERVAL_NANOS = 5_000_000_000L;

    private final Average average = new Average();
    private long lastLine;

    PlainProgress(Output output, int batch, int classes) {
        super(output, batch, classes);
    }

    @Override
    public void step(Metrics metrics) {
        super.step(metrics);
        average.add(metrics, batch);
        long now = System.nanoTime();
        boolean last = metrics.step() == lastStep();
        if (stepsDone() == 1 || last || now - lastLine >= INTERVAL_NANOS) {
            lastLine = now;
            output.say(String.format(Locale.ROOT, "step %d/%d, epoch %.2f: %s", metrics.step(), lastStep(), metrics.epoch(),
                    average.text(batch)) + (stepsDone() == 1 || last ? "" : ", " + Text.duration(timeLeft()) + " left"));
            average.reset();
        }
    }

    @Override
    public void validated(Metrics metrics) {
        output.say(validationLine(metrics));
    }
}
