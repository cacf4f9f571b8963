package duet.cli.output;

import java.time.Duration;
import java.util.Locale;
import java.util.Optional;

import duet.text.Text;
import duet.train.output.Metrics;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** One bar for the whole training; validations and warnings are lines above it. */
final class BarProgress extends Progress {
    private static final int STEPS_IN_AVERAGE = 50;

    private final Average average = new Average();
    private ProgressBar bar;
    private String message = "";

    BarProgress(Output output, int batch, int classes) {
        super(output, batch, classes);
    }

    @Override
    public void started(long firstStep, long lastStep, long stepsPerEpoch) {
        super.started(firstStep, lastStep, stepsPerEpoch);
        bar = new ProgressBarBuilder()
                .setTaskName("training")
                .setInitialMax(lastStep)
                .startsFrom(firstStep, Duration.ZERO)
                .setUpdateIntervalMillis(250)
                .setStyle(ProgressBarStyle.COLORFUL_UNICODE_BAR)
                .setEtaFunction(state -> stepsDone() == 0 ? Optional.empty() : Optional.of(timeLeft()))
                .clearDisplayOnFinish()
                .setConsumer(new TerminalLine(output.beginBar()))
                .build();
    }

    @Override
    public void step(Metrics metrics) {
        super.step(metrics);
        average.add(metrics, batch);
        message = String.format(Locale.ROOT, "epoch %.2f, ", metrics.epoch()) + average.text(batch);
        if (stepsDone() % STEPS_IN_AVERAGE == 0) {
            average.reset();
        }
        bar.setExtraMessage(" " + message);
        bar.stepTo(metrics.step());
    }

    @Override
    public void validating(long done, long total) {
        bar.setExtraMessage(" validating " + Text.count(done) + " of " + Text.count(total, "image"));
    }

    @Override
    public void validated(Metrics metrics) {
        output.say(validationLine(metrics));
        bar.setExtraMessage(" " + message);
        bar.refresh();
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            output.endBar();
        }
    }
}
