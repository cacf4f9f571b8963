package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;
import duet.text.Text;

/** Host memory that the devices can copy from and to by themselves. */
public final class PinnedMemory implements AutoCloseable {
    public final MemorySegment segment;
    private final CudaCard card;

    public PinnedMemory(CudaCard card, long bytes) {
        this.card = card;
        card.enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            CudaDriver.check(Cuda.cuMemHostAlloc(pointer, Math.max(bytes, 1), Cuda.CU_MEMHOSTALLOC_PORTABLE()), "cuMemHostAlloc",
                    "allocating " + Text.bytes(bytes) + " of page-locked host memory");
            segment = pointer.get(Cuda.C_POINTER, 0).reinterpret(Math.max(bytes, 1));
        }
    }

    @Override
    public void close() {
        if (Cuda.cuCtxSetCurrent(card.context()) == Cuda.CUDA_SUCCESS()) {
            Cuda.cuMemFreeHost(segment);
        }
    }
}
