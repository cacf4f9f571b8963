package duet.model;

/** A file that is not a sound safetensors file. The message is one sentence that names the file and what is wrong. */
public class SafetensorsException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public SafetensorsException(String message) {
        super(message);
    }

    public SafetensorsException(String message, Throwable cause) {
        super(message, cause);
    }
}
