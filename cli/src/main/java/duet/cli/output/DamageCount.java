package duet.cli.output;

import java.util.concurrent.atomic.AtomicLong;

import duet.data.DamageReport;
import duet.text.Text;

/** Names damaged files on standard error, the first few of them, and counts them all. */
public final class DamageCount implements DamageReport {
    private static final int NAMED = 10;

    private final Output output;
    private final AtomicLong count = new AtomicLong();

    public DamageCount(Output output) {
        this.output = output;
    }

    @Override
    public void damaged(String file, String reason) {
        long number = count.incrementAndGet();
        if (number <= NAMED) {
            output.warn("skipped " + file + ": " + reason);
        } else if (number == NAMED + 1) {
            output.warn("more files are damaged; the rest is counted, not named");
        }
    }

    public long count() {
        return count.get();
    }

    /** Told at the end, if there was any. */
    public void summarize() {
        if (count() > 0) {
            output.warn(Text.count(count(), "damaged file") + " skipped in all (with --strict the first one ends the command)");
        }
    }
}
