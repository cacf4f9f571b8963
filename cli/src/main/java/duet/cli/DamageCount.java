package duet.cli;

import java.util.concurrent.atomic.AtomicLong;

import duet.data.DamageReport;

/** Names damaged files on standard error, the first few of them, and counts them all. */
final class DamageCount implements DamageReport {
    private static final int NAMED = 10;

    private final Output output;
    private final AtomicLong count = new AtomicLong();

    DamageCount(Output output) {
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

    long count() {
        return count.get();
    }

    /** Told at the end, if there was any. */
    void summarize() {
        if (count() > 0) {
            output.warn(Text.count(count(), "damaged file") + " skipped in all (with --strict the first one ends the command)");
        }
    }
}
