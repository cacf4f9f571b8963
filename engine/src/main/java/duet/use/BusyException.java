package duet.use;

/** More is asked for than is let wait. Asking again later may help. */
public final class BusyException extends RuntimeException {
    private static final long serialVersionUID = 1;

    BusyException(String message) {
        super(message);
    }
}
