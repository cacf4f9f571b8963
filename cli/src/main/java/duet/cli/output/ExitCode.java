package duet.cli.output;

/** What the process tells the shell; a run that was stopped by a signal exits with 128 + the signal's number. */
public final class ExitCode {
    public static final int DONE = 0;
    public static final int FAILED = 1;
    public static final int BAD_USAGE = 2;
    /** Another process of the same training is gone or does not answer: a passing failure, after which --resume goes on. */
    public static final int RANK_LOST = 75;
    /** Whoever read standard output has gone. */
    public static final int HUNG_UP = 128 + 13;

    private ExitCode() {}
}
