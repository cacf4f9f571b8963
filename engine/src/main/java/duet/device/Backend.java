package duet.device;

import java.util.List;
import java.util.Map;

/**
 * A set of devices of one kind that run programs together. Not thread-safe: one thread owns it. Closing it closes every
 * storage and program made by it; use after close is an {@link IllegalStateException}.
 */
public interface Backend extends Layout, AutoCloseable {
    /** {@return what it is and why, in one line, such as {@code 2 CPU devices, 1 thread each, AVX-512}} */
    String description();

    /** {@return the devices, in the order in which they were named} */
    List<DeviceInfo> devices();

    /** {@return how it computes, where there is a choice} */
    default Arithmetic arithmetic() {
        return Arithmetic.DEFAULT;
    }

    /** {@return the processes that have the devices, where they are not all this one's} */
    default Ranks ranks() {
        return Ranks.ALONE;
    }

    /**
     * Connects its devices with those of other processes where they can reach each other without the host. All processes call it, once they
     * know that their devices are alike.
     *
     * @return what carries exchanges between the processes, such as {@code NCCL 2.27.3 between processes}; empty where there is no choice
     */
    default String connect() {
        return "";
    }

    /**
     * Allocates memory on each device; it is zeroed.
     *
     * @param bytesPerDevice how much, by device
     * @return the memory; closed with the backend if not before
     * @throws DeviceException if there is not enough
     */
    Storage allocate(long[] bytesPerDevice);

    /**
     * Allocates memory on each device without zeroing it: for content that does not outlive a run.
     *
     * @param bytesPerDevice how much, by device
     * @return the memory; its content is not defined
     */
    default Storage allocateScratch(long[] bytesPerDevice) {
        return allocate(bytesPerDevice);
    }

    /**
     * Prepares a program: lowers its operations and binds them to memory.
     *
     * @param streams    at most one stream of each kind for each device
     * @param regions    where each tensor lies; persistent tensors in {@code persistent}, the others in {@code scratch}
     * @param persistent shared by the programs of a network
     * @param scratch    may be shared by programs that do not run at the same time
     * @return a program that can be run any number of times
     */
    Program load(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch);

    @Override
    void close();
}
