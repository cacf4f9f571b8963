package duet.device;

/** A device cannot do what was asked: not there, out of memory, a library missing. The message says what to do. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public DeviceException(String message) {
        super(message);
    }

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }
}
