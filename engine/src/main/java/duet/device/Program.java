package duet.device;

import java.util.List;

/** A prepared set of streams. Host arrays are in the canonical order that {@link Tensor} describes, whatever the backend's layout. */
public interface Program extends AutoCloseable {
    /**
     * Runs every stream to its end.
     *
     * @param parameters seed, step and rates of this run
     * @throws DeviceException if a device fails
     */
    void run(RunParameters parameters);

    /**
     * Starts a run and may return before it ends. Meanwhile INPUT tensors may be written: they are the next run's. Everything else waits
     * for the run, and throws what it has thrown.
     *
     * @param parameters seed, step and rates of this run
     */
    default void start(RunParameters parameters) {
        run(parameters);
    }

    /**
     * {@return whether a tensor lies on a device of this process} Writing another does nothing: the process that has it does so. Reading
     * another is something that all processes do together.
     *
     * @param tensor of this program
     */
    default boolean here(Tensor tensor) {
        return true;
    }

    /**
     * {@return whether each process has one of these tensors, so that none needs to ask another}
     *
     * @param equal tensors of this program with the same content
     */
    default boolean everywhere(List<Tensor> equal) {
        return true;
    }

    /**
     * Reads a float tensor of this process, which no other process needs to know of.
     *
     * @param tensor that is {@link #here}
     * @param values takes exactly its elements, in canonical order
     */
    default void readHere(Tensor tensor, float[] values) {
        read(tensor, values);
    }

    /**
     * Fills a float tensor (ACTIVATION, FILTER, VECTOR); the array has exactly its elements. Between runs only, INPUT tensors excepted.
     *
     * @param tensor ACTIVATION, FILTER or VECTOR of this program
     * @param values in canonical order
     */
    void write(Tensor tensor, float[] values);

    /**
     * Fills an IMAGES tensor. Between runs only, INPUT tensors excepted.
     *
     * @param tensor of this program
     * @param values [batch][height][width][channels], exactly its elements
     */
    void write(Tensor tensor, byte[] values);

    /**
     * Fills an INTEGERS tensor. Between runs only, INPUT tensors excepted.
     *
     * @param tensor of this program
     * @param values exactly its elements
     */
    void write(Tensor tensor, int[] values);

    /**
     * Copies a float tensor to the host, after the runs that were started.
     *
     * @param tensor ACTIVATION, FILTER or VECTOR of this program
     * @param values takes exactly its elements, in canonical order
     */
    void read(Tensor tensor, float[] values);

    /**
     * Copies an INTEGERS tensor to the host, after the runs that were started.
     *
     * @param tensor of this program
     * @param values takes exactly its elements
     */
    void read(Tensor tensor, int[] values);

    @Override
    void close();
}
