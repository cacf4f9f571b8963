package duet.data;

import duet.text.Text;

/** Data that are missing or cannot be used. The message names the file and the way out. */
public class DataException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /**
     * Data that cannot be used, found by Duet itself.
     *
     * @param message a sentence that names the file and the way out
     */
    public DataException(String message) {
        super(Text.line(message));
    }

    /**
     * Data that cannot be used because something else failed.
     *
     * @param message a sentence that names the file and the way out
     * @param cause   what failed
     */
    public DataException(String message, Throwable cause) {
        super(Text.line(message), cause);
    }
}
