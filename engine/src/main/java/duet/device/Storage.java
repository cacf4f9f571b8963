package duet.device;

/** A block of memory on each device of a backend. */
public interface Storage extends AutoCloseable {
    /**
     * {@return how many bytes it has on one device}
     *
     * @param device index of the device
     */
    long bytes(int device);

    @Override
    void close();
}
