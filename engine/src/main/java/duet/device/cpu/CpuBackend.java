package duet.device.cpu;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;

import duet.bindings.cpu.DuetCpu;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.DeviceInfo;
import duet.device.Layout;
import duet.device.Operation;
import duet.device.Peers;
import duet.device.Precision;
import duet.device.Program;
import duet.device.Region;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;

/** CPU devices that share the cores of this machine; each has its own memory, streams and thread team. */
public final class CpuBackend implements Backend {
    private final List<CpuDevice> devices = new ArrayList<>();
    private final Peers peers;
    private final CpuLayout layout;
    private final Set<AutoCloseable> open = new LinkedHashSet<>();
    private final String instructionSet;
    private final Arithmetic arithmetic;
    private final ReentrantLock inUse = new ReentrantLock();
    private boolean closed;

    /**
     * @param count number of devices; each gets a thread at least
     * @param peers where the other devices of the plans are
     */
    CpuBackend(int count, CpuOptions options, Peers peers) {
        CpuLibrary.require();
        this.peers = peers;
        int threads = options.threads() == 0 ? Runtime.getRuntime().availableProcessors() : options.threads();
        arithmetic = options.arithmetic();
        layout = new CpuLayout(device -> (peers.here(device) ? device(device) : devices.getFirst()).threads, arithmetic);
        instructionSet = DuetCpu.duet_instruction_set().getString(0);
        try {
            for (int i = 0; i < count; i++) {
                devices.add(new CpuDevice(peers.first() + i, Math.max(1, threads * (i + 1) / count - threads * i / count)));
            }
        } catch (DeviceException e) {
            close();
            throw e;
        }
    }

    @Override
    public String description() {
        int fewest = devices.getLast().threads;
        int most = devices.stream().mapToInt(d -> d.threads).max().orElse(fewest);
        String threads = fewest == most ? Integer.toString(most) : fewest + " or " + most;
        return devices.size() + (devices.size() == 1 ? " CPU device, " : " CPU devices, ") + threads + (most == 1 ? " thread" : " threads")
                + (devices.size() == 1 ? "" : " each") + ", " + instructionSet
                + (arithmetic.precision() == Precision.FP32 ? "" : ", " + arithmetic.precision());
    }

    @Override
    public Arithmetic arithmetic() {
        return arithmetic;
    }

    @Override
    public List<DeviceInfo> devices() {
        long memory = CpuLibrary.physicalMemory();
        return devices.stream()
                .map(d -> new DeviceInfo("cpu", CpuLibrary.processor() + ", " + instructionSet + ", " + d.threads
                        + (d.threads == 1 ? " thread" : " threads"), memory))
                .toList();
    }

    @Override
    public Storage allocate(long[] bytesPerDevice) {
        Storage[] result = new Storage[1];
        exclusively(() -> result[0] = allocateNow(bytesPerDevice));
        return result[0];
    }

    private Storage allocateNow(long[] bytesPerDevice) {
        if (bytesPerDevice.length != devices.size()) {
            throw new IllegalArgumentException(bytesPerDevice.length + " sizes for " + devices.size() + " devices");
        }
        CpuStorage storage = new CpuStorage(this, bytesPerDevice);
        open.add(storage);
        return storage;
    }

    @Override
    public Program load(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch) {
        Program[] result = new Program[1];
        exclusively(() -> result[0] = loadNow(streams, regions, persistent, scratch));
        return result[0];
    }

    private Program loadNow(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch) {
        if (!open.contains(persistent) || !open.contains(scratch)) {
            throw new IllegalArgumentException("the storage is closed or belongs to another backend");
        }
        CpuProgram program = new CpuProgram(this, streams, regions, (CpuStorage) persistent, (CpuStorage) scratch);
        open.add(program);
        return program;
    }

    @Override
    public long bytes(Tensor tensor) {
        return layout.bytes(tensor);
    }

    @Override
    public String method(Operation operation) {
        return layout.method(operation);
    }

    @Override
    public long ownFlop(Operation operation) {
        return layout.ownFlop(operation);
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        return layout.workspaceBytes(operation, device);
    }

    @Override
    public Layout inference() {
        return layout.inference();
    }

    CpuLayout layout() {
        return layout;
    }

    /** @param index of the device in plans, which number those of all processes */
    CpuDevice device(int index) {
        return devices.get(here(index));
    }

    /** Of a device in plans, among those of this process. */
    int here(int index) {
        return peers.own(index, devices.size());
    }

    Peers peers() {
        return peers;
    }

    void closed(AutoCloseable part) {
        open.remove(part);
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("this backend has been closed");
        }
    }

    /** Runs something that must not happen twice at a time. */
    void exclusively(Runnable action) {
        whileIdle(() -> {
            checkOpen();
            action.run();
        });
    }

    /** Runs an action alone, like {@link #exclusively}, but also in a backend that is closing. */
    void whileIdle(Runnable action) {
        if (!inUse.tryLock()) {
            throw new IllegalStateException("this backend is in use by another thread; give each thread a backend of its own");
        }
        try {
            action.run();
        } finally {
            inUse.unlock();
        }
    }

    @Override
    public void close() {
        whileIdle(this::closeAll);
    }

    private void closeAll() {
        if (closed) {
            return;
        }
        closed = true;
        for (AutoCloseable part : List.copyOf(open)) {
            switch (part) {
                case CpuProgram program -> program.close();
                case CpuStorage storage -> storage.close();
                default -> throw new AssertionError(part);
            }
        }
        devices.forEach(CpuDevice::close);
    }
}
