package duet.device.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

import duet.bindings.cpu.DuetCpu;
import duet.device.DeviceException;
import duet.device.Tensor;
import duet.text.Text;

/**
 * Memory for a tensor on its way between a Java array and its layout on a device. An arena would fill it with zeros first, which for large
 * weights takes as long as the rest of the way.
 */
final class Staging implements AutoCloseable {
    final MemorySegment memory;

    private final int length;

    /** @param length elements of the tensor, in canonical order */
    Staging(Tensor tensor, int length) {
        this.length = length;
        MemorySegment allocated = DuetCpu.duet_allocate(bytes());
        if (allocated.address() == 0) {
            throw new DeviceException(tensor + ": cpu device " + tensor.device() + ": cannot allocate " + Text.bytes(bytes())
                    + " to bring it into another layout");
        }
        memory = allocated.reinterpret(bytes());
    }

    private long bytes() {
        return (long) Float.BYTES * length;
    }

    Staging filled(float[] values) {
        MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, length);
        return this;
    }

    void copyTo(float[] values) {
        MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, 0, values, 0, length);
    }

    @Override
    public void close() {
        DuetCpu.duet_free(memory, bytes());
    }
}
