package duet.cli.output;

import duet.text.Text;

/** How far a piece of work is: a bar on a terminal, a line every few seconds in a pipe, nothing with --quiet or --json. */
public final class WorkProgress implements AutoCloseable {
    private static final long INTERVAL_NANOS = 5_000_000_000L;

    private final Output output;
    private final String task;
    private final String noun;
    private final Bar bar;
    private long lastLine = System.nanoTime();

    /**
     * @param task such as {@code evaluating}
     * @param noun what is counted, such as {@code image}
     */
    public WorkProgress(Output output, String task, String noun) {
        this.output = output;
        this.task = task;
        this.noun = noun;
        bar = Bar.of(output, task);
    }

    public void at(long done, long total) {
        if (output.json() || output.quiet()) {
            return;
        }
        if (System.console() != null && System.console().isTerminal()) {
            bar.at(done, total);
        } else if (System.nanoTime() - lastLine >= INTERVAL_NANOS && done < total) {
            lastLine = System.nanoTime();
            output.say(task + " " + Text.count(done) + " of " + Text.count(total, noun));
        }
    }

    @Override
    public void close() {
        bar.close();
    }
}
