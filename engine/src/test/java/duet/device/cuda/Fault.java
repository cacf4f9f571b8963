package duet.device.cuda;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

import duet.device.DeviceException;
import duet.device.VirtualGpu;

/**
 * A fault that is put into sound work on purpose, and what must notice it.
 *
 * @param sign    the kind of finding that must be among the virtual GPU's, or the driver's error where that is the check
 * @param numbers whether a test that only looks at results would have noticed
 * @param sound   the same work without the fault
 */
record Fault(String name, String sign, Numbers numbers, Supplier<Outcome> sound, Supplier<Outcome> faulty) {
    /** What the faulty run computes: what the sound one does, something else, or nothing because it fails. */
    enum Numbers {
        RIGHT, WRONG, NONE;

        static Numbers of(Outcome expected, Outcome actual) {
            if (actual.results() == null) {
                return NONE;
            }
            boolean same = expected.results().size() == actual.results().size();
            for (int i = 0; same && i < expected.results().size(); i++) {
                same = Arrays.equals(expected.results().get(i), actual.results().get(i));
            }
            return same ? RIGHT : WRONG;
        }
    }

    /** The setting that switches the check for a kind of finding off; kinds that would crash a program have none. */
    private static final Map<String, String> SWITCHES = Map.of(
            "uninitialized-global", "initialized", "uninitialized-shared", "initialized", "shared-race", "races", "pending-copy", "races",
            "divergent-barrier", "barriers", "inactive-lanes", "barriers", "unordered", "ordering", "leak", "leaks", "misaligned",
            "bounds");

    /** Null if the check cannot be switched off. */
    String offSwitch() {
        return sign != null && SWITCHES.containsKey(sign) ? SWITCHES.get(sign) + "=off" : null;
    }

    /**
     * What a piece of work left.
     *
     * @param results the bytes of each result; null if it failed
     * @param error   the exception's message, or empty
     */
    record Outcome(List<byte[]> results, String findings, String error) {
        /** Does the work, which must close what it opens. */
        static Outcome of(Supplier<List<byte[]>> work) {
            VirtualGpu.reset();
            List<byte[]> results = null;
            String error = "";
            try {
                results = work.get();
            } catch (DeviceException e) {
                error = e.getMessage();
            }
            return new Outcome(results, VirtualGpu.findings(), error);
        }

        boolean shows(String sign) {
            return findings.lines().anyMatch(line -> line.startsWith(sign + " (")) || sign.startsWith("CUDA_ERROR") && error.contains(sign);
        }

        boolean clean() {
            return results != null && findings.isEmpty();
        }

        @Override
        public String toString() {
            return (results == null ? "no results; " : "") + error + "\n" + findings;
        }
    }
}
