package duet.cli.output;

import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** A bar on the terminal for work of which it is known how much there is; it appears with the first step and goes when it is closed. */
final class Bar implements AutoCloseable {
    private final Output output;
    private final ProgressBarBuilder builder;
    private ProgressBar bar;

    private Bar(Output output, ProgressBarBuilder builder) {
        this.output = output;
        this.builder = builder;
    }

    static Bar of(Output output, String task) {
        return new Bar(output, new ProgressBarBuilder().setTaskName(task).setUpdateIntervalMillis(250)
                .setStyle(ProgressBarStyle.COLORFUL_UNICODE_BAR).clearDisplayOnFinish());
    }

    /** Says how many of these things are done in a second. */
    Bar withSpeed(String things) {
        builder.setUnit(" " + things, 1).showSpeed();
        return this;
    }

    void at(long done, long total) {
        if (bar == null) {
            bar = builder.setInitialMax(total).setConsumer(new TerminalLine(output.beginBar())).build();
        }
        bar.stepTo(done);
    }

    @Override
    public void close() {
        if (bar != null) {
            bar.close();
            output.endBar();
            bar = null;
        }
    }
}
