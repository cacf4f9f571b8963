package duet.data;

/** Data that are missing or cannot be used. The message names the file and the way out. */
public class DataException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public DataException(String message) {
        super(message);
    }

    public DataException(String message, Throwable cause) {
        super(message, cause);
    }
}
