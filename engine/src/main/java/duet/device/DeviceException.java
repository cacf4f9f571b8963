package duet.device;

import duet.text.Text;

/** A device cannot do what was asked: not there, out of memory, a library missing. The message says what to do. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /**
     * A device that cannot do what it was asked to.
     *
     * @param message a sentence that names the device and the way out
     */
    public DeviceException(String message) {
        super(Text.line(message));
    }

    /**
     * A device that failed because something below it did.
     *
     * @param message a sentence that names the device and the way out
     * @param cause   what failed
     */
    public DeviceException(String message, Throwable cause) {
        super(Text.line(message), cause);
    }
}
