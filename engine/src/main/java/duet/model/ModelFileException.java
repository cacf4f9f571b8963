package duet.model;

/** A model file of another program that cannot be read or does not fit. The message is a sentence that names the file and what is wrong. */
public class ModelFileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public ModelFileException(String message) {
        super(message);
    }

    public ModelFileException(String message, Throwable cause) {
        super(message, cause);
    }
}
