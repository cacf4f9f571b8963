package duet.cli.output;

import java.nio.file.Path;
import java.time.Duration;

import duet.text.Text;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.RateChange;

/** Shows a training: a bar on a terminal, plain lines in a pipe, JSON lines with --json, nothing with --quiet. */
public abstract class Progress implements TrainingListener, AutoCloseable {
    protected final Output output;
    protected final int batch;
    private final int classes;

    private long firstStep;
    private long lastStep;
    private long stepsDone;
    private long startedAt = System.nanoTime();
    private Path checkpoint;

    protected Progress(Output output, int batch, int classes) {
        this.output = output;
        this.batch = batch;
        this.classes = classes;
    }

    public static Progress create(Output output, int batch, int classes) {
        if (output.json()) {
            return new JsonProgress(output, batch, classes);
        }
        if (output.quiet()) {
            return new QuietProgress(output, batch, classes);
        }
        return System.console() != null && System.console().isTerminal() ? new BarProgress(output, batch, classes)
                : new PlainProgress(output, batch, classes);
    }

    @Override
    public void started(long firstStep, long lastStep, long stepsPerEpoch) {
        this.firstStep = firstStep;
        this.lastStep = lastStep;
        startedAt = System.nanoTime();
    }

    @Override
    public void step(Metrics metrics) {
        stepsDone++;
    }

    @Override
    public void rateChanged(RateChange change) {
        output.say(String.format(java.util.Locale.ROOT, "from step %d, epoch %.2f: %s", change.step(), change.epoch(), change.rates()));
    }

    @Override
    public void checkpoint(Path file) {
        checkpoint = file;
    }

    @Override
    public void warning(String message) {
        output.warn("warning: " + message);
    }

    long firstStep() {
        return firstStep;
    }

    long lastStep() {
        return lastStep;
    }

    /** Steps done in this process. */
    public long stepsDone() {
        return stepsDone;
    }

    /** The last checkpoint written in this process, or null. */
    Path lastCheckpoint() {
        return checkpoint;
    }

    public Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - startedAt);
    }

    /** Over the whole training, validations included. */
    public double imagesPerSecond() {
        return stepsDone * (double) batch / Math.max(1e-9, elapsed().toNanos() / 1e9);
    }

    Duration timeLeft() {
        long left = lastStep - firstStep - stepsDone;
        return stepsDone == 0 ? Duration.ZERO : elapsed().multipliedBy(left).dividedBy(stepsDone);
    }

    String validationLine(Metrics metrics) {
        return String.format(java.util.Locale.ROOT, "validation at step %d, epoch %.2f: loss %s, top-1 %s%s",
                metrics.step(), metrics.epoch(), Text.loss(metrics.loss()), Text.percent(metrics.top1()),
                Top5.afterComma(metrics.top5(), classes));
    }

    @Override
    public void close() {}
}
