package duet.model;

import duet.text.Text;

/** A file that is not a sound safetensors file. The message is one sentence that names the file and what is wrong. */
public class SafetensorsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /**
     * A file that does not keep to the format.
     *
     * @param message a sentence that names the file and what is wrong
     */
    public SafetensorsException(String message) {
        super(Text.line(message));
    }

    /**
     * A file that cannot be understood because something below failed.
     *
     * @param message a sentence that names the file and what is wrong
     * @param cause   what failed
     */
    public SafetensorsException(String message, Throwable cause) {
        super(Text.line(message), cause);
    }
}
