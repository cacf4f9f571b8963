package duet.data.image;

import duet.text.Text;

/** A file that cannot be made into an image; the message is the reason in words, without the file. */
public final class DamagedImage extends Exception {
    private static final long serialVersionUID = 1;

    public DamagedImage(String reason) {
        super(Text.line(reason));
    }

    public DamagedImage(String reason, Throwable cause) {
        super(Text.line(reason), cause);
    }
}
