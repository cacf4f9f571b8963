package duet.reference;

import duet.device.Storage;

/** An array for each device; a double for each 4 bytes. */
final class ReferenceStorage implements Storage {
    private final long[] bytes;
    private double[][] memory;

    ReferenceStorage(long[] bytes) {
        this.bytes = bytes.clone();
        memory = new double[bytes.length][];
        for (int device = 0; device < bytes.length; device++) {
            memory[device] = new double[Math.toIntExact((bytes[device] + 3) / 4)];
        }
    }

    @Override
    public long bytes(int device) {
        return bytes[device];
    }

    double[] memory(int device) {
        if (memory == null) {
            throw new IllegalStateException("The storage is closed.");
        }
        return memory[device];
    }

    @Override
    public void close() {
        memory = null;
    }
}
