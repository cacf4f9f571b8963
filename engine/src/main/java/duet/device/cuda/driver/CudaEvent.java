package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;

/** Orders streams; belongs to the context of the card whose streams record it. */
public final class CudaEvent implements AutoCloseable {
    final MemorySegment handle;
    private final CudaCard card;

    public CudaEvent(CudaCard card) {
        this.card = card;
        card.enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            CudaDriver.check(Cuda.cuEventCreate(pointer, Cuda.CU_EVENT_DISABLE_TIMING()), "cuEventCreate", "preparing a program");
            handle = pointer.get(Cuda.C_POINTER, 0);
        }
    }

    /** Whether what was before it when it was recorded last is over, or has failed. */
    public boolean over() {
        card.enter();
        return Cuda.cuEventQuery(handle) != Cuda.CUDA_ERROR_NOT_READY();
    }

    @Override
    public void close() {
        if (Cuda.cuCtxSetCurrent(card.context()) == Cuda.CUDA_SUCCESS()) {
            Cuda.cuEventDestroy_v2(handle);
        }
    }
}
