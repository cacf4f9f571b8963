package duet.cli.output;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;

import duet.text.Text;

/** How far work that is counted has come: a bar on a terminal, lines in a pipe, JSON lines with --json, nothing with --quiet. */
public final class CountProgress implements AutoCloseable {
    private static final long INTERVAL_NANOS = 5_000_000_000L;

    private final Output output;
    private final String work;
    private final String things;
    private final boolean terminal;
    private final long start = System.nanoTime();
    private long lastLine = start;
    private final Bar bar;

    private CountProgress(Output output, String work, String things, boolean terminal) {
        this.output = output;
        this.work = work;
        this.things = things;
        this.terminal = terminal;
        bar = Bar.of(output, work).withSpeed(things);
    }

    /**
     * @param work   such as {@code preparing}
     * @param things what is counted, such as {@code images}
     */
    public static CountProgress create(Output output, String work, String things) {
        boolean terminal = !output.json() && !output.quiet() && System.console() != null && System.console().isTerminal();
        return new CountProgress(output, work, things, terminal);
    }

    public void progress(long done, long total) {
        if (terminal) {
            bar.at(done, total);
            return;
        }
        long now = System.nanoTime();
        if (output.quiet() || done < total && now - lastLine < INTERVAL_NANOS) {
            return;
        }
        lastLine = now;
        double rate = done / Math.max(1e-9, (now - start) / 1e9);
        if (output.json()) {
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("event", work);
            line.put("done", done);
            line.put("total", total);
            output.object(line);
        } else {
            output.say(work + " " + Text.count(done) + " of " + Text.count(total) + " " + things + ", " + Text.rate(rate) + "/s"
                    + (done < total ? ", " + Text.duration(Duration.ofMillis((long) (1000 * (total - done) / rate))) + " left" : ""));
        }
    }

    @Override
    public void close() {
        bar.close();
    }
}
