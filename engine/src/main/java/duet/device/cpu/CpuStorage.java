package duet.device.cpu;

import java.lang.foreign.MemorySegment;

import duet.bindings.cpu.DuetCpu;
import duet.device.DeviceException;
import duet.device.Region;
import duet.device.Storage;
import duet.text.Text;

/** Native memory, one block for each device. */
final class CpuStorage implements Storage {
    private final long[] bytes;
    private final MemorySegment[] blocks;
    private final CpuBackend backend;
    private long version;
    private boolean closed;

    CpuStorage(CpuBackend backend, long[] bytesPerDevice) {
        this.backend = backend;
        bytes = bytesPerDevice.clone();
        blocks = new MemorySegment[bytes.length];
        for (int device = 0; device < bytes.length; device++) {
            MemorySegment block = DuetCpu.duet_allocate(Math.max(bytes[device], Region.ALIGNMENT));
            if (block.address() == 0) {
                close();
                throw new DeviceException("cpu device " + device + ": cannot allocate " + Text.bytes(bytes[device])
                        + "; try a smaller --batch");
            }
            blocks[device] = block.reinterpret(Math.max(bytes[device], Region.ALIGNMENT));
        }
    }

    @Override
    public long bytes(int device) {
        checkOpen();
        return bytes[backend.here(device)];
    }

    /** The memory of a region. */
    MemorySegment slice(int device, Region region) {
        checkOpen();
        return blocks[backend.here(device)].asSlice(region.offset(), region.bytes());
    }

    /** Changes whenever a persistent tensor in it may have. */
    long version() {
        return version;
    }

    void changed() {
        version++;
    }

    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this storage has been closed");
        }
    }

    @Override
    public void close() {
        backend.whileIdle(this::free);
    }

    private void free() {
        if (closed) {
            return;
        }
        closed = true;
        backend.closed(this);
        for (int device = 0; device < blocks.length; device++) {
            if (blocks[device] != null && !backend.peers().ranks().broken()) {
                DuetCpu.duet_free(blocks[device], Math.max(bytes[device], Region.ALIGNMENT));
            }
        }
    }
}
