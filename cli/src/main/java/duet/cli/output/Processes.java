package duet.cli.output;

import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

import duet.device.DeviceException;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.device.ranks.Launch;
import duet.device.ranks.MpiRanks;

/**
 * The processes that an MPI's launcher has started together with this one. They are joined by the first command that wants devices;
 * commands that do not work together run on the first process alone. Only the first one prints; of the others a failure is heard, if the
 * first one has none.
 */
public final class Processes {
    private static final Set<String> TOGETHER = Set.of("train", "evaluate", "features", "neighbours", "picture deconvolution",
            "data prepare");
    /** A failure that all have is the first one's to tell. */
    private static final long SILENCE_MILLIS = 2_000;
    /** Codes above this are 128 + a signal. */
    private static final int SIGNALS = 128;

    /** To end: the others may have ended already. */
    private static final Duration SHORT = Duration.ofSeconds(5);

    /** Until the command says how long. */
    private static final Duration LONG = Duration.ofHours(1);

    private static Launch launch;
    private static MpiRanks joined;
    private static boolean tried;

    private Processes() {}

    /**
     * Begins.
     *
     * @param arguments of the command line
     * @return false if this process has nothing to do
     */
    public static boolean begin(List<String> arguments) {
        Optional<Launch> found = Launch.of(System::getenv);
        List<String> words = arguments.stream().filter(word -> !word.startsWith("-")).limit(2).toList();
        boolean named = TOGETHER.contains(String.join(" ", words)) || !words.isEmpty() && TOGETHER.contains(words.getFirst());
        boolean together = named && !arguments.contains("--help") && !arguments.contains("-h");
        launch = together ? found.orElse(null) : null;
        return together || found.isEmpty() || found.get().first();
    }

    /** Whether this is the process that prints and writes. */
    public static boolean first() {
        return launch == null || launch.first();
    }

    /** How many there are. */
    public static int size() {
        return launch == null ? 1 : launch.size() > 0 ? launch.size() : join(LONG).size();
    }

    /**
     * Comes together with the others.
     *
     * @param patience how long one may take to answer
     */
    public static synchronized MpiRanks join(Duration patience) {
        if (launch == null) {
            throw new IllegalStateException("no launcher has started this process");
        }
        if (joined == null) {
            tried = true;
            joined = MpiRanks.join(launch, patience);
        }
        joined.setPatience(patience);
        return joined;
    }

    /** The processes that have come together; this one alone where none has been started with it. */
    public static synchronized Ranks joined() {
        return joined == null ? Ranks.ALONE : joined;
    }

    /** The largest of what all say: the code of whoever has got a signal. All of them ask. */
    public static int largest(String what, int own) {
        return joined().gather(what, ByteBuffer.allocate(Integer.BYTES).putInt(own).array()).stream()
                .mapToInt(answer -> ByteBuffer.wrap(answer).getInt()).max().orElse(own);
    }

    /**
     * Ends together: what has failed on one process ends all of them.
     *
     * @param code  of this process
     * @param words what this process would have printed; empty for the first one, which has
     * @param err   standard error
     * @return the exit code
     */
    public static int end(int code, String words, PrintWriter err) {
        if (launch == null) {
            return code;
        }
        boolean failed = code != ExitCode.DONE && code <= SIGNALS; // one that a signal has stopped has ended well
        MpiRanks ranks = failed ? joinedToEnd() : joinedOrNull();
        if (failed && !first()) {
            pause();
            String name = ranks == null ? "rank " + launch.rank() : ranks.name(launch.rank());
            words.lines().forEach(line -> err.println(name + ": " + line));
            err.flush();
        }
        if (ranks == null) {
            return code;
        }
        if (failed) {
            ranks.abort(code);
            return code;
        }
        try {
            ranks.close();
            return code;
        } catch (DeviceException e) {
            err.println("duet: " + e.getMessage());
            err.flush();
            ranks.abort(code(e));
            return code(e);
        }
    }

    private static synchronized MpiRanks joinedOrNull() {
        return joined;
    }

    /** Who has failed before it came together with the others can end them only as one of them; null if that does not work. */
    private static synchronized MpiRanks joinedToEnd() {
        if (!tried) {
            try {
                join(SHORT);
            } catch (RuntimeException | Error e) { // the failure before this one has been told, or will be
                return null;
            }
        }
        return joined;
    }

    private static void pause() {
        try {
            TimeUnit.MILLISECONDS.sleep(SILENCE_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** The exit code of a failure of the devices. */
    static int code(DeviceException problem) {
        return problem instanceof RankLostException ? ExitCode.RANK_LOST : ExitCode.FAILED;
    }
}
