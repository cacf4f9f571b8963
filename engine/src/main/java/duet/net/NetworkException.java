package duet.net;

import duet.text.Text;

/** A network that makes no sense. The message is one sentence for the person who wrote it. */
public class NetworkException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    /**
     * A network that makes no sense, or does not fit.
     *
     * @param message one sentence for the person who wrote it
     */
    public NetworkException(String message) {
        super(Text.line(message));
    }
}
