package duet.fuzz;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.regex.Pattern;

import com.sun.management.ThreadMXBean;
import duet.data.DataException;
import duet.data.image.DamagedImage;
import duet.data.source.SourceTargets;
import duet.files.FileException;
import duet.model.ModelFileException;
import duet.model.SafetensorsException;
import duet.net.NetworkException;
import duet.train.schedule.TrainingException;

/**
 * Changed files for every reader of files that others have made: {@code Fuzz NAME|all COUNT [SEED]}. A reader may read them or refuse them
 * by an exception of Duet's own, in one line without the words of a library; and it may take no more memory and time than the file
 * justifies. A finding is printed with the file in hexadecimal, once for each place it comes from.
 */
public final class Fuzz {
    private static final Set<Class<?>> OWN = Set.of(DataException.class, DamagedImage.class, FileException.class, ModelFileException.class,
            SafetensorsException.class, NetworkException.class, TrainingException.class);
    private static final Pattern LIBRARY = Pattern.compile("Exception|com\\.[a-z]|java\\.[a-z]|Feature|deserializ|null pointer|Cannot map");
    private static final long MOST_NANOSECONDS = 10_000_000_000L;
    private static final int MOST_SHOWN = 2000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    private Fuzz() {}

    /** Reads a file. */
    @FunctionalInterface
    public interface Reader {
        /**
         * Reads it.
         *
         * @param bytes of the file
         * @throws Exception of Duet's own kinds, if the file is refused
         */
        void read(byte[] bytes) throws Exception;
    }

    /**
     * What is tried.
     *
     * @param name      for the command line
     * @param text      whether it is JSON
     * @param corpus    sound files
     * @param mostBytes of the Java heap that reading one may take, besides 64 for each byte of it
     * @param reader    reads one
     */
    public record Target(String name, boolean text, List<byte[]> corpus, long mostBytes, Reader reader) {}

    /** @param kinds how many files ended how */
    record Outcome(TreeMap<String, Integer> kinds, List<String> findings) {}

    static List<Target> targets(Path folder) throws Exception {
        List<Target> targets = new ArrayList<>(ModelTargets.of(folder));
        targets.addAll(SourceTargets.of(folder));
        return targets;
    }

    static Outcome run(Target target, long count, long seed) {
        Mutations mutations = new Mutations(new SplittableRandom(seed), target.corpus(), target.text());
        Outcome outcome = new Outcome(new TreeMap<>(), new ArrayList<>());
        Set<String> seen = new java.util.HashSet<>();
        for (long i = 0; i < count; i++) {
            byte[] bytes = mutations.next();
            long before = THREADS.getCurrentThreadAllocatedBytes();
            long start = System.nanoTime();
            String finding = null;
            String kind = "read";
            try {
                target.reader().read(bytes);
            } catch (Throwable e) {
                kind = e.getClass().getSimpleName();
                finding = fault(e);
            }
            long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            if (finding == null && allocated > target.mostBytes() + 64L * bytes.length) {
                finding = "allocation: " + (allocated >> 20) + " MiB for a file of " + bytes.length + " bytes";
            }
            if (finding == null && System.nanoTime() - start > MOST_NANOSECONDS) {
                finding = "time: " + (System.nanoTime() - start) / 1_000_000_000 + " s";
            }
            outcome.kinds().merge(kind, 1, Integer::sum);
            if (finding != null && seen.add(finding.replaceAll("\\d+", "#").split("\n")[0])) {
                String hexadecimal = HexFormat.of().formatHex(bytes);
                outcome.findings().add(target.name() + ", file " + i + " of seed " + seed + ": " + finding + "\n"
                        + hexadecimal.substring(0, Math.min(MOST_SHOWN, hexadecimal.length())));
            }
        }
        return outcome;
    }

    private static String fault(Throwable e) {
        boolean own = OWN.stream().anyMatch(kind -> kind.isInstance(e));
        String message = e.getMessage();
        if (own && message != null && !message.contains("\n") && !LIBRARY.matcher(message).find()) {
            return null;
        }
        StackTraceElement[] trace = e.getStackTrace();
        String place = trace.length == 0 ? "" : own ? "" : " at " + trace[0];
        for (StackTraceElement element : trace) {
            if (element.getClassName().startsWith("duet.") && !own) {
                place += ", in " + element;
                break;
            }
        }
        return e.getClass().getName() + place + ": " + message;
    }

    /**
     * Runs one target, or all.
     *
     * @param arguments name or all, how many files, the seed
     */
    public static void main(String[] arguments) throws Exception {
        Path folder = Files.createTempDirectory("duet-fuzz");
        long count = Long.parseLong(arguments[1]);
        long seed = arguments.length > 2 ? Long.parseLong(arguments[2]) : System.nanoTime();
        boolean clean = true;
        for (Target target : targets(folder)) {
            if (arguments[0].equals("all") || arguments[0].equals(target.name())) {
                long start = System.nanoTime();
                Outcome outcome = run(target, count, seed);
                System.out.printf(Locale.ROOT, "%s: %,d files, seed %d, %.0f s: %s%n", target.name(), count, seed,
                        (System.nanoTime() - start) / 1e9, outcome.kinds());
                outcome.findings().forEach(System.out::println);
                clean &= outcome.findings().isEmpty();
            }
        }
        delete(folder);
        System.exit(clean ? 0 : 1);
    }

    static void delete(Path folder) throws IOException {
        try (var paths = Files.walk(folder)) {
            for (Path path : paths.sorted((a, b) -> b.compareTo(a)).toList()) {
                Files.delete(path);
            }
        }
    }
}
