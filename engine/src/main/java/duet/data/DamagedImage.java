package duet.data;

/** A file that cannot be made into an image; the message is the reason in words, without the file. */
final class DamagedImage extends Exception {
    private static final long serialVersionUID = 1;

    DamagedImage(String reason) {
        super(reason);
    }

    DamagedImage(String reason, Throwable cause) {
        super(reason, cause);
    }
}
