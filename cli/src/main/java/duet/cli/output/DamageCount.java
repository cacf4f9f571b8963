package duet.cli.output;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

import duet.data.DamageReport;
import duet.device.Ranks;
import duet.text.Text;

/** Names damaged files on standard error, the first few of them, and counts them all. */
public final class DamageCount implements DamageReport {
    private static final int NAMED = 10;

    private final Output output;
    /** What is said of each, in the order in which they were found. */
    private final Set<String> damaged = Collections.synchronizedSet(new LinkedHashSet<>());

    public DamageCount(Output output) {
        this.output = output;
    }

    @Override
    public void damaged(String file, String reason) {
        String words = "skipped " + file + ": " + reason;
        synchronized (damaged) {
            if (damaged.add(words)) {
                tell(words);
            }
        }
    }

    private void tell(String words) {
        if (damaged.size() <= NAMED) {
            output.warn(words);
        } else if (damaged.size() == NAMED + 1) {
            output.warn("more files are damaged; the rest is counted, not named");
        }
    }

    public long count() {
        return damaged.size();
    }

    /**
     * Where several processes read, all of them come here, and the first one tells of all: a file that several have read is one.
     */
    public void gather() {
        Ranks ranks = Processes.joined();
        if (ranks.size() > 1) {
            for (byte[] answer : ranks.gather("the damaged files", words())) {
                for (String words : new String(answer, StandardCharsets.UTF_8).lines().toList()) {
                    if (damaged.add(words)) {
                        tell(words);
                    }
                }
            }
        }
    }

    /** Told at the end, if there was any, of all processes. */
    public void summarize() {
        gather();
        if (count() > 0) {
            output.warn(Text.count(count(), "damaged file") + " skipped in all (with --strict the first one ends the command)");
        }
    }

    /** A line each. */
    private byte[] words() {
        List<String> lines;
        synchronized (damaged) {
            lines = new ArrayList<>(damaged);
        }
        return String.join("\n", lines.stream().map(line -> line.replaceAll("\\R", " ")).toList()).getBytes(StandardCharsets.UTF_8);
    }
}
