package duet.device.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

import duet.bindings.cuda.Cuda;
import duet.bindings.nccl.DuetNccl;
import duet.bindings.nccl.ncclUniqueId;
import duet.device.DeviceException;
import duet.device.RankLostException;

/**
 * A device's place among those that NCCL connects. One thread at a time exchanges; any other may {@link #abort} it, whoever holds the
 * communicator must not ask for its {@link #failure} meanwhile.
 */
public final class NcclCommunicator {
    /** Whoever uses a communicator for longer is stuck in NCCL, and aborting gets it out. */
    private static final long STUCK_MILLIS = 200;

    private final MemorySegment handle;
    private final CudaDevice device;
    private final ReentrantLock inUse = new ReentrantLock();
    private final AtomicBoolean gone = new AtomicBoolean();

    private NcclCommunicator(MemorySegment handle, CudaDevice device) {
        this.handle = handle;
        this.device = device;
    }

    /**
     * Something that a device sends or receives.
     *
     * @param peer the index of the other device in plans
     */
    public record Message(boolean sent, long address, long bytes, int peer) {}

    /** What tells these communicators from others: one process makes it for all. */
    public static byte[] uniqueId() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment id = ncclUniqueId.allocate(arena);
            check(DuetNccl.ncclGetUniqueId(id), "ncclGetUniqueId", "connecting the processes");
            return id.toArray(JAVA_BYTE);
        }
    }

    /** Those of this process; waits for the other processes, which do the same. */
    public static List<NcclCommunicator> open(List<CudaDevice> devices, int all, byte[] id) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handles = arena.allocate(Cuda.C_POINTER, devices.size());
            MemorySegment unique = ncclUniqueId.allocate(arena);
            unique.copyFrom(MemorySegment.ofArray(id));
            int result = DuetNccl.ncclGroupStart();
            for (int i = 0; i < devices.size() && result == DuetNccl.ncclSuccess(); i++) {
                devices.get(i).card.enter();
                MemorySegment slot = handles.asSlice(i * Cuda.C_POINTER.byteSize(), Cuda.C_POINTER);
                result = DuetNccl.ncclCommInitRank(slot, all, unique, devices.get(i).index);
            }
            int end = DuetNccl.ncclGroupEnd();
            List<NcclCommunicator> opened = new ArrayList<>();
            for (int i = 0; i < devices.size(); i++) {
                MemorySegment handle = handles.getAtIndex(Cuda.C_POINTER, i);
                if (!handle.equals(MemorySegment.NULL)) {
                    opened.add(new NcclCommunicator(handle, devices.get(i)));
                }
            }
            if (result != DuetNccl.ncclSuccess() || end != DuetNccl.ncclSuccess()) {
                DeviceException failure = failure(result != DuetNccl.ncclSuccess() ? result : end, "ncclCommInitRank",
                        "connecting the processes");
                opened.forEach(NcclCommunicator::abort);
                throw failure;
            }
            return opened;
        }
    }

    /** Puts an exchange into a stream of the device; may wait until the other devices have come as far. */
    public void exchange(CudaStream stream, List<Message> messages, String doing) {
        inUse.lock();
        try {
            if (gone.get()) {
                throw new DeviceException(doing + ": the connection has been given up");
            }
            device.card.enter();
            int result = DuetNccl.ncclGroupStart();
            for (Message message : messages) {
                if (result == DuetNccl.ncclSuccess()) {
                    MemorySegment data = MemorySegment.ofAddress(message.address());
                    result = message.sent()
                            ? DuetNccl.ncclSend(data, message.bytes(), DuetNccl.ncclUint8(), message.peer(), handle, stream.handle)
                            : DuetNccl.ncclRecv(data, message.bytes(), DuetNccl.ncclUint8(), message.peer(), handle, stream.handle);
                }
            }
            int end = DuetNccl.ncclGroupEnd();
            check(result, "ncclSend or ncclRecv", doing);
            check(end, "ncclGroupEnd", doing);
        } finally {
            inUse.unlock();
        }
    }

    /** What has happened to it meanwhile, or null: a {@link RankLostException} if another process or the way to it is gone. */
    public DeviceException failure() {
        if (gone.get()) {
            return null;
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(JAVA_INT);
            int asked = DuetNccl.ncclCommGetAsyncError(handle, error);
            int result = asked == DuetNccl.ncclSuccess() ? error.get(JAVA_INT, 0) : asked;
            return result == DuetNccl.ncclSuccess() || result == DuetNccl.ncclInProgress() ? null
                    : failure(result, "ncclCommGetAsyncError", "exchanging with other processes");
        }
    }

    /** Ends what is under way. */
    public void abort() {
        boolean held = free();
        try {
            if (gone.compareAndSet(false, true)) {
                DuetNccl.ncclCommAbort(handle);
            }
        } finally {
            if (held) {
                inUse.unlock();
            }
        }
    }

    /** Waits until nobody uses it, but not for who is stuck; an interrupt does not make that shorter. */
    private boolean free() {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(STUCK_MILLIS);
        boolean interrupted = Thread.interrupted();
        boolean free = false;
        do {
            try {
                free = inUse.tryLock(end - System.nanoTime(), TimeUnit.NANOSECONDS);
            } catch (InterruptedException e) {
                interrupted = true;
            }
        } while (!free && System.nanoTime() < end);
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return free;
    }

    /** Waits for what is under way, and perhaps for the other processes to come here, too. */
    public void destroy() {
        if (gone.compareAndSet(false, true)) {
            DuetNccl.ncclCommDestroy(handle);
        }
    }

    private static void check(int result, String function, String doing) {
        if (result != DuetNccl.ncclSuccess()) {
            throw failure(result, function, doing);
        }
    }

    private static DeviceException failure(int result, String function, String doing) {
        String more = DuetNccl.ncclGetLastError(MemorySegment.NULL).getString(0).strip();
        String message = doing + ": NCCL's " + function + " answers " + DuetNccl.ncclGetErrorString(result).getString(0)
                + (more.isEmpty() ? "" : " (" + more + ")") + "; NCCL_DEBUG=INFO says more, DUET_NCCL=off does without NCCL";
        return result == DuetNccl.ncclRemoteError() ? new RankLostException(message) : new DeviceException(message);
    }
}
