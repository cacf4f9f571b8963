package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;

/** One stream of a device. */
public final class CudaStream implements AutoCloseable {
    public final CudaDevice device;
    final MemorySegment handle;
    /** Messages made beforehand: a step of training allocates nothing. */
    private final String label;
    private final String marking;
    private final String ordering;

    CudaStream(CudaDevice device, String kind) {
        this.device = device;
        label = device.label() + " " + kind;
        marking = "marking a point of " + label;
        ordering = "ordering " + label;
        device.card.enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            CudaDriver.check(Cuda.cuStreamCreate(pointer, Cuda.CU_STREAM_NON_BLOCKING()), "cuStreamCreate", "opening " + device.label());
            handle = pointer.get(Cuda.C_POINTER, 0);
        }
    }

    /** Such as {@code device 0 (cuda:0) compute}. */
    public String label() {
        return label;
    }

    public void synchronize(String doing) {
        int result = Cuda.cuStreamSynchronize(handle);
        if (result != Cuda.CUDA_SUCCESS()) {
            CudaDriver.check(result, "cuStreamSynchronize", doing + " on " + label);
        }
    }

    /** Whether everything that was put into it is over. */
    public boolean idle(String doing) {
        int result = Cuda.cuStreamQuery(handle);
        if (result != Cuda.CUDA_SUCCESS() && result != Cuda.CUDA_ERROR_NOT_READY()) {
            CudaDriver.check(result, "cuStreamQuery", doing + " on " + label);
        }
        return result == Cuda.CUDA_SUCCESS();
    }

    public void record(CudaEvent event) {
        device.card.enter();
        CudaDriver.check(Cuda.cuEventRecord(event.handle, handle), "cuEventRecord", marking);
    }

    public void await(CudaEvent event) {
        device.card.enter();
        CudaDriver.check(Cuda.cuStreamWaitEvent(handle, event.handle, 0), "cuStreamWaitEvent", ordering);
    }

    /** Runs on the stream; the host memory must stay as it is until then. */
    public void copyToDevice(long to, MemorySegment from, long bytes, String doing) {
        device.card.enter();
        CudaDriver.check(Cuda.cuMemcpyHtoDAsync_v2(to, from, bytes, handle), "cuMemcpyHtoDAsync", doing);
    }

    public void copyToHost(MemorySegment to, long from, long bytes, String doing) {
        device.card.enter();
        CudaDriver.check(Cuda.cuMemcpyDtoHAsync_v2(to, from, bytes, handle), "cuMemcpyDtoHAsync", doing);
    }

    public void copyOnDevice(long to, long from, long bytes, String doing) {
        device.card.enter();
        CudaDriver.check(Cuda.cuMemcpyDtoDAsync_v2(to, from, bytes, handle), "cuMemcpyDtoDAsync", doing);
    }

    /** From one card's memory to another's: directly where one can reach the other, else the driver goes through host memory. */
    public void copyBetween(long to, CudaCard toCard, long from, CudaCard fromCard, long bytes, String doing) {
        device.card.enter();
        CudaDriver.check(Cuda.cuMemcpyPeerAsync(to, toCard.context(), from, fromCard.context(), bytes, handle), "cuMemcpyPeerAsync", doing);
    }

    @Override
    public void close() {
        if (Cuda.cuCtxSetCurrent(device.card.context()) == Cuda.CUDA_SUCCESS()) {
            Cuda.cuStreamDestroy_v2(handle);
        }
    }
}
