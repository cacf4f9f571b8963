package duet.cli.output;

/** A command cannot do what it was asked to, for a reason that the message tells in one sentence. */
public final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int exitCode;

    public CommandFailure(String message) {
        this(ExitCode.FAILED, message);
    }

    private CommandFailure(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    /** The options contradict each other or what they name does not exist. */
    public static CommandFailure usage(String message) {
        return new CommandFailure(ExitCode.BAD_USAGE, message);
    }

    public int exitCode() {
        return exitCode;
    }
}
