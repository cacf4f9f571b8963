package duet.device;

/** Another process has sent nothing for as long as was agreed, or has ended. */
public final class RankLostException extends DeviceException {
    private static final long serialVersionUID = 1L;

    /**
     * A process that does not answer.
     *
     * @param message names the process, and what was expected of it
     */
    public RankLostException(String message) {
        super(message);
    }
}
