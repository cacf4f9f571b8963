package duet.device;

/** A block of memory on each device of a backend. */
public interface Storage extends AutoCloseable {
    /** Bytes on one device. */
    long bytes(int device);

    @Override
    void close();
}
