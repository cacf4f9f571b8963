package duet.cli.output;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import sun.misc.Signal;
import sun.misc.SignalHandler;

/**
 * While it is open the first Ctrl-C, SIGTERM or SIGHUP asks the work to stop, and the second ends the process at once. A
 * shutdown hook would not do: it can neither choose the exit code nor hear of a second signal.
 */
public final class Interruption implements AutoCloseable {
    private record Replaced(Signal signal, SignalHandler handler) {}

    private final Output output;
    private final String until;
    private final Runnable stop;
    private final List<Replaced> replaced = new ArrayList<>();
    private volatile int exitCode;

    public Interruption(Output output, Runnable stop) {
        this(output, "finishing the step and writing a checkpoint", stop);
    }

    /** @param until what is done before the end */
    public Interruption(Output output, String until, Runnable stop) {
        this.output = output;
        this.until = until;
        this.stop = stop;
        // launchers of MPI hand SIGUSR1 on to every process, and batch systems send it before the time is up
        for (String name : Processes.size() > 1 ? List.of("INT", "TERM", "HUP", "USR1") : List.of("INT", "TERM", "HUP")) {
            Signal signal = new Signal(name);
            try {
                replaced.add(new Replaced(signal, Signal.handle(signal, this::raised)));
            } catch (IllegalArgumentException e) {
                output.warn("SIG" + name + " ends the command at once: " + e.getMessage());
            }
        }
    }

    private static final Map<String, String> NAMES = Map.of("INT", "Ctrl-C", "TERM", "SIGTERM", "HUP", "SIGHUP", "USR1",
            "SIGUSR1");

    private void raised(Signal signal) {
        int code = 128 + signal.getNumber();
        if (exitCode != 0) {
            Runtime.getRuntime().halt(code);
        }
        exitCode = code;
        output.warn(NAMES.get(signal.getName()) + ": " + until + " (a second one ends at once)");
        stop.run();
    }

    /** Standard output can no longer be written: stop as on SIGPIPE, which the Java machine does not deliver. */
    public void outputFailed() {
        if (exitCode == 0) {
            exitCode = ExitCode.HUNG_UP;
            stop.run();
        }
    }

    /** 128 + the signal's number, or 0 if there was none. */
    public int exitCode() {
        return exitCode;
    }

    @Override
    public void close() {
        replaced.forEach(old -> Signal.handle(old.signal(), old.handler()));
    }
}
