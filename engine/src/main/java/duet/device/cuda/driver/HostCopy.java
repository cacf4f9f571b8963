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
            MemorySegment host = staging.allocate(tensor.dataBytes(), 64);
            MemorySegment.copy(array, 0, host, element, 0, length);
            stream.copyToDevice(address, host, tensor.dataBytes(), "writing a tensor");
            stream.synchronize("writing " + tensor);
        }
    }

    public static void read(CudaStream stream, long address, Tensor tensor, Object array, int length, ValueLayout element) {
        try (Arena staging = Arena.ofConfined()) {
            MemorySegment host = staging.allocate(tensor.dataBytes(), 64);
            stream.copyToHost(host, address, tensor.dataBytes(), "reading a tensor");
            stream.synchronize("reading " + tensor);
            MemorySegment.copy(host, element, 0, array, 0, length);
        }
    }
}
