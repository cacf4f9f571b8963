package duet.cli.output;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

import duet.data.DamageReport;
import duet.device.Ranks;
import duet.text.Text;

/** Names damaged files on standard error, the first few of them, and counts them all. */
public final class DamageCount implements DamageReport {
    private static final int NAMED = 10;

    private final Output output;
    private final AtomicLong count = new AtomicLong();
    private final List<String> named = Collections.synchronizedList(new ArrayList<>());

    public DamageCount(Output output) {
        this.output = output;
    }

    @Override
    public void damaged(String file, String reason) {
        long number = count.incrementAndGet();
        if (number <= NAMED) {
            String words = "skipped " + file + ": " + reason;
            named.add(words);
            output.warn(words);
        } else if (number == NAMED + 1) {
            output.warn("more files are damaged; the rest is counted, not named");
        }
    }

    /** What other processes are told: how many, and the first few. */
    private byte[] words() {
        synchronized (named) {
            return (count() + "\n" + String.join("\n", named)).getBytes(StandardCharsets.UTF_8);
        }
    }

    public long count() {
        return count.get();
    }

    /** Told at the end, if there was any; where several processes read, all of them come here, and the first one tells of all. */
    public void summarize() {
        Ranks ranks = Processes.joined();
        long all = 0;
        int rank = 0;
        for (byte[] answer : ranks.size() == 1 ? List.<byte[]>of() : ranks.gather("the damaged files", words())) {
            String[] lines = new String(answer, StandardCharsets.UTF_8).split("\n", -1);
            all += Long.parseLong(lines[0]);
            if (rank++ != ranks.rank()) {
                Arrays.stream(lines).skip(1).filter(line -> !line.isEmpty()).forEach(output::warn);
            }
        }
        count.set(ranks.size() == 1 ? count() : all);
        if (count() > 0) {
            output.warn(Text.count(count(), "damaged file") + " skipped in all (with --strict the first one ends the command)");
        }
    }
}
