package duet.train.schedule;

/** A training or classification that cannot begin or go on. The message is one sentence that names what is wrong and the way out. */
public class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public TrainingException(String message) {
        super(message);
    }

    public TrainingException(String message, Throwable cause) {
        super(message, cause);
    }
}
