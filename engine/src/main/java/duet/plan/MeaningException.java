package duet.plan;

/** What an operation does that it should not; the message goes on where the operation has been named. */
final class MeaningException extends RuntimeException {
    private static final long serialVersionUID = 1;

    MeaningException(String message) {
        super(message, null, false, false);
    }
}
