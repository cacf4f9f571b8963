package duet.cli.output;

import java.util.function.Supplier;

import duet.data.DataException;
import duet.device.DeviceException;
import duet.train.schedule.TrainingException;

/** A command cannot do what it was asked to, for a reason that the message tells in one sentence. */
public final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int exitCode;

    public CommandFailure(String message) {
        this(ExitCode.FAILED, message);
    }

    private CommandFailure(int exitCode, String message) {
        this(exitCode, message, null);
    }

    private CommandFailure(int exitCode, String message, Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    /** The options contradict each other or what they name does not exist. */
    public static CommandFailure usage(String message) {
        return new CommandFailure(ExitCode.BAD_USAGE, message);
    }

    /** What an option says is checked by the engine, which does not know that it came from an option. */
    public static <T> T checked(Supplier<T> check) {
        try {
            return check.get();
        } catch (DataException | DeviceException | TrainingException | IllegalArgumentException e) {
            throw new CommandFailure(ExitCode.BAD_USAGE, e.getMessage(), e);
        }
    }

    /** Likewise, for a check that has no result. */
    public static void check(Runnable check) {
        checked(() -> {
            check.run();
            return true;
        });
    }

    public int exitCode() {
        return exitCode;
    }
}
