package duet.device;

/** A prepared set of streams. Host arrays are in the canonical order that {@link Tensor} describes, whatever the backend's layout. */
public interface Program extends AutoCloseable {
    /** Runs every stream to its end. Throws {@link DeviceException} if a device fails. */
    void run(RunParameters parameters);

    /**
     * Starts a run and may return before it ends. Meanwhile INPUT tensors may be written: they are the next run's. Everything else waits
     * for the run, and throws what it has thrown.
     */
    default void start(RunParameters parameters) {
        run(parameters);
    }

    /** Fills a float tensor (ACTIVATION, FILTER, VECTOR); the array has exactly its elements. Between runs only, INPUT tensors excepted. */
    void write(Tensor tensor, float[] values);

    /** Fills an IMAGES tensor. */
    void write(Tensor tensor, byte[] values);

    /** Fills an INTEGERS tensor. */
    void write(Tensor tensor, int[] values);

    void read(Tensor tensor, float[] values);

    void read(Tensor tensor, int[] values);

    @Override
    void close();
}
