package duet.device.cuda;

import java.util.Arrays;

import duet.device.DeviceException;
import duet.device.Region;
import duet.device.Storage;

/** One block of memory on each device. */
final class CudaStorage implements Storage {
    private final CudaBackend backend;
    private final long[] bytes;
    private final long[] addresses;
    private boolean closed;

    CudaStorage(CudaBackend backend, long[] bytesPerDevice, boolean zeroed) {
        this.backend = backend;
        bytes = bytesPerDevice.clone();
        addresses = new long[bytes.length];
        try {
            for (int i = 0; i < bytes.length; i++) {
                addresses[i] = zeroed ? backend.own().get(i).allocate(bytes[i]) : backend.own().get(i).allocateUninitialized(bytes[i]);
            }
        } catch (DeviceException e) {
            free();
            throw e;
        }
    }

    @Override
    public long bytes(int device) {
        return bytes[backend.here(device)];
    }

    /** The device address of a region, which must lie inside. */
    long address(int device, Region region) {
        checkOpen();
        region.requireWithin(this, device);
        return addresses[backend.here(device)] + region.offset();
    }

    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this storage has been closed");
        }
    }

    private void free() {
        for (int i = 0; i < addresses.length; i++) {
            if (addresses[i] != 0 && !backend.processes().broken()) {
                backend.own().get(i).free(addresses[i]);
            }
        }
        Arrays.fill(addresses, 0);
    }

    /** Waits for runs in flight; the memory is given back also if one of them has failed, unless other processes may still write to it. */
    @Override
    public void close() {
        backend.whileIdle(() -> {
            if (!closed) {
                try {
                    backend.settle();
                } finally {
                    closed = true;
                    free();
                    backend.closed(this);
                }
            }
        });
    }
}
