package duet.data.image;

/** A file that cannot be made into an image; the message is the reason in words, without the file. */
public final class DamagedImage extends Exception {
    private static final long serialVersionUID = 1;

    public DamagedImage(String reason) {
        super(reason);
    }

    public DamagedImage(String reason, Throwable cause) {
        super(reason, cause);
    }
}
