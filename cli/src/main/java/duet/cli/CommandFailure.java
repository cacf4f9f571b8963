package duet.cli;

/** A command cannot do what it was asked to, for a reason that the message tells in one sentence. */
final class CommandFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int exitCode;

    CommandFailure(String message) {
        this(Main.FAILED, message);
    }

    private CommandFailure(int exitCode, String message) {
        super(message);
        this.exitCode = exitCode;
    }

    /** The options contradict each other or what they name does not exist. */
    static CommandFailure usage(String message) {
        return new CommandFailure(Main.BAD_USAGE, message);
    }

    int exitCode() {
        return exitCode;
    }
}
