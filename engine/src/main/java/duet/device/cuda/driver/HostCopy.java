package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import duet.device.Tensor;

/** Copies between runs: tensors that are not a program's inputs or outputs, such as weights. They wait until the data are there. */
public final class HostCopy {
    private HostCopy() {}

    /** @param array of the element's Java type */
    public static void write(CudaStream stream, long address, Tensor tensor, Object array, int length, ValueLayout element) {
        try (Arena staging = Arena.ofConfined()) {
            long bytes = length * element.byteSize();
            MemorySegment host = staging.allocate(bytes, 64);
            MemorySegment.copy(array, 0, host, element, 0, length);
            stream.copyToDevice(address, host, bytes, "writing a tensor");
            stream.synchronize("writing " + tensor);
        }
    }

    public static void read(CudaStream stream, long address, Tensor tensor, Object array, int length, ValueLayout element) {
        try (Arena staging = Arena.ofConfined()) {
            long bytes = length * element.byteSize();
            MemorySegment host = staging.allocate(bytes, 64);
            stream.copyToHost(host, address, bytes, "reading a tensor");
            stream.synchronize("reading " + tensor);
            MemorySegment.copy(host, element, 0, array, 0, length);
        }
    }
}
