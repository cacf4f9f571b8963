package duet.device.cuda;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;

import duet.bindings.CudaLibrary.Kind;
import duet.bindings.KernelCode;
import duet.device.Backend;
import duet.device.DeviceException;
import duet.device.DeviceInfo;
import duet.device.Operation;
import duet.device.Peers;
import duet.device.Precision;
import duet.device.Program;
import duet.device.Region;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.VirtualGpu;
import duet.device.cuda.driver.CudaCard;
import duet.device.cuda.driver.CudaDevice;
import duet.device.cuda.driver.CudaDriver;
import duet.device.cuda.driver.CudaException;
import duet.device.cuda.lowering.CudaLayout;

/**
 * CUDA devices, or virtual ones behind the same driver functions. Several logical devices may share one card. When a kernel fails the
 * driver gives up the card's context; the backend then releases everything, but for what other processes may still write to, and answers
 * each later call with what happened.
 */
public final class CudaBackend implements Backend {
    private final Kind kind;
    private final Map<Integer, CudaCard> cards = new LinkedHashMap<>();
    private final List<CudaDevice> devices = new ArrayList<>();
    private final CudaLayout layout;
    private final Set<AutoCloseable> open = new LinkedHashSet<>();
    private final ReentrantLock inUse = new ReentrantLock();
    private final boolean fuses = !"off".equals(System.getProperty("duet.cuda.fusion"));
    private final boolean each = "each".equals(System.getProperty("duet.cuda.launch", System.getenv("DUET_CUDA_LAUNCH")));
    private final CudaProcesses processes;
    private boolean peers = true;
    private CudaProgram running;
    private DeviceException failure;
    private boolean closed;

    /**
     * @param kindName {@code cuda} or {@code virtual}
     * @param ordinals of the card behind each logical device
     * @param precision of products
     * @param processes where the other devices of the plans are
     */
    CudaBackend(String kindName, List<Integer> ordinals, Precision precision, Peers processes) {
        kind = kind(kindName);
        this.processes = new CudaProcesses(processes);
        layout = new CudaLayout(device -> (processes.here(device) ? device(device) : devices.getFirst()).card.multiprocessors,
                precision);
        CudaDriver.require(kind);
        int count = CudaDriver.count();
        KernelCode code = code();
        try {
            for (int ordinal : ordinals) {
                if (ordinal >= count) {
                    throw CudaWords.missing(kindName, ordinal, count);
                }
                if (!cards.containsKey(ordinal)) {
                    cards.put(ordinal, new CudaCard(kindName + ":" + ordinal, ordinal, code));
                }
                devices.add(new CudaDevice(processes.first() + devices.size(), cards.get(ordinal)));
            }
            reach();
        } catch (RuntimeException | Error e) {
            release();
            throw e;
        }
    }

    static Kind kind(String kindName) {
        return kindName.equals("virtual") ? Kind.VIRTUAL : Kind.DRIVER;
    }

    private static KernelCode code() {
        KernelCode code = KernelCode.load();
        if (code.modules().isEmpty()) {
            throw new DeviceException(CudaWords.NO_KERNELS);
        }
        return code;
    }

    private void reach() {
        for (CudaCard card : cards.values()) {
            for (CudaCard other : cards.values()) {
                peers &= card == other || card.reach(other);
            }
        }
    }

    @Override
    public String description() {
        return CudaWords.description(kind, devices, layout.precision(), peers);
    }

    @Override
    public String connect() {
        return exclusively(() -> processes.connect(kind, devices));
    }

    @Override
    public List<DeviceInfo> devices() {
        return CudaWords.devices(devices);
    }

    @Override
    public Storage allocate(long[] bytesPerDevice) {
        return allocate(bytesPerDevice, true);
    }

    @Override
    public Storage allocateScratch(long[] bytesPerDevice) {
        return allocate(bytesPerDevice, false);
    }

    private Storage allocate(long[] bytesPerDevice, boolean zeroed) {
        return exclusively(() -> {
            if (bytesPerDevice.length != devices.size()) {
                throw new IllegalArgumentException(bytesPerDevice.length + " sizes for " + devices.size() + " devices");
            }
            settle();
            CudaStorage storage = new CudaStorage(this, bytesPerDevice, zeroed);
            open.add(storage);
            return storage;
        });
    }

    @Override
    public Program load(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch) {
        return exclusively(() -> {
            if (!open.contains(persistent) || !open.contains(scratch)) {
                throw new IllegalArgumentException("the storage is closed or belongs to another backend");
            }
            settle();
            processes.check(streams);
            CudaProgram program = new CudaProgram(this, streams, regions, (CudaStorage) persistent, (CudaStorage) scratch);
            open.add(program);
            return program;
        });
    }

    @Override
    public long bytes(Tensor tensor) {
        return layout.bytes(tensor);
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        return layout.workspaceBytes(operation, device);
    }

    @Override
    public CudaLayout of(List<StreamSteps> streams) {
        return !fuses ? layout : processes.peers().ranks().size() > 1 ? layout.apart(streams) : layout.of(streams);
    }

    @Override
    public boolean fuses(Operation first, Operation second) {
        return fuses && layout.fuses(first, second);
    }

    /** @param index of the device in plans, which number those of all processes */
    CudaDevice device(int index) {
        return devices.get(here(index));
    }

    /** Of a device in plans, among those of this process. */
    int here(int index) {
        return processes.peers().own(index, devices.size());
    }

    /** This process's. */
    List<CudaDevice> own() {
        return devices;
    }

    CudaProcesses processes() {
        return processes;
    }

    /** Whether neighbouring operations become one kernel; -Dduet.cuda.fusion=off says no. */
    boolean fuses() {
        return fuses;
    }

    /** Whether each kernel is launched and waited for by itself instead of one graph: slow, but a failure names the kernel. */
    boolean launchesEach() {
        return each;
    }

    void closed(AutoCloseable part) {
        open.remove(part);
    }

    void running(CudaProgram program) {
        running = program;
    }

    void idle() {
        running = null;
    }

    /** Waits for the run in flight; throws what it has thrown. */
    void settle() {
        if (running != null) {
            CudaProgram program = running;
            running = null;
            program.settle();
        }
    }

    /** Waits for the run in flight; what it throws only marks the backend as failed. */
    void settleQuietly() {
        try {
            settle();
        } catch (DeviceException e) {
            failed(e);
        }
    }

    /**
     * Begins something that must not happen twice at a time; {@link #end} must follow. Not a method that is given the work: a lambda for
     * every batch would be garbage for every batch.
     */
    void begin() {
        enter();
        if (closed || failure != null) {
            inUse.unlock();
            throw new IllegalStateException(failure == null ? "this backend has been closed"
                    : "this backend has failed (" + failure.getMessage() + "); open it again");
        }
    }

    void end() {
        inUse.unlock();
    }

    private <T> T exclusively(Supplier<T> action) {
        begin();
        try {
            return action.get();
        } catch (RuntimeException e) {
            throw failed(e);
        } finally {
            end();
        }
    }

    /** For closing, which also goes on in a backend that is closing or has failed. */
    void whileIdle(Runnable action) {
        enter();
        try {
            action.run();
        } finally {
            inUse.unlock();
        }
    }

    private void enter() {
        if (!inUse.tryLock()) {
            throw new IllegalStateException("this backend is in use by another thread; give each thread a backend of its own");
        }
    }

    /** What to throw for an exception: after the failure of a kernel everything is released, and the message says more. */
    RuntimeException failed(RuntimeException e) {
        if (!(e instanceof CudaException c) || !c.sticky() || failure != null) {
            return e;
        }
        String more = kind == Kind.VIRTUAL
                ? VirtualGpu.findings().lines().limit(5).reduce("", (text, line) -> text + "\n  " + line)
                : each ? "" : "; run again with DUET_CUDA_LAUNCH=each to learn which kernel it was";
        failure = new DeviceException(e.getMessage() + more, e);
        processes.abort();
        closeAll();
        return failure;
    }

    @Override
    public void close() {
        whileIdle(() -> {
            settleQuietly();
            closeAll();
        });
    }

    private void closeAll() {
        if (closed) {
            return;
        }
        closed = true;
        running = null;
        processes.close(); // before its memory goes
        for (AutoCloseable part : List.copyOf(open)) {
            switch (part) {
                case CudaProgram program -> program.close();
                case CudaStorage storage -> storage.close();
                default -> throw new AssertionError(part);
            }
        }
        release();
    }

    private void release() {
        if (!processes.broken()) {
            devices.forEach(CudaDevice::close);
            cards.values().forEach(CudaCard::close);
        }
    }
}
