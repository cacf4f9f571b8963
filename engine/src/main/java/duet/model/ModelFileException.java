package duet.model;

import duet.text.Text;

/** A model file of another program that cannot be read or does not fit. The message is a sentence that names the file and what is wrong. */
public class ModelFileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /**
     * A file that does not say what it should.
     *
     * @param message a sentence that names the file and what is wrong
     */
    public ModelFileException(String message) {
        super(Text.line(message));
    }

    /**
     * A file that cannot be understood because something below failed.
     *
     * @param message a sentence that names the file and what is wrong
     * @param cause   what failed
     */
    public ModelFileException(String message, Throwable cause) {
        super(Text.line(message), cause);
    }
}
