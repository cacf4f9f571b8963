package duet.train.schedule;

import duet.text.Text;

/** A training or classification that cannot begin or go on. The message is one sentence that names what is wrong and the way out. */
public class TrainingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /**
     * Something that does not fit, found by Duet itself.
     *
     * @param message a sentence that names what is wrong and the way out
     */
    public TrainingException(String message) {
        super(Text.line(message));
    }

    /**
     * Something that cannot go on because something below failed.
     *
     * @param message a sentence that names what is wrong and the way out
     * @param cause   what failed
     */
    public TrainingException(String message, Throwable cause) {
        super(Text.line(message), cause);
    }
}
