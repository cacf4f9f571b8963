package duet.device.cuda.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;

/** One kernel of a loaded module. */
final class CudaKernel {
    /** Dynamic shared memory that a kernel gets without being asked for more. */
    private static final int DEFAULT_SHARED_BYTES = 48 << 10;

    final String name;
    final MemorySegment function;
    private final CudaCard card;
    private int sharedBytes = DEFAULT_SHARED_BYTES;

    CudaKernel(CudaCard card, MemorySegment module, String name) {
        this.card = card;
        this.name = name;
        card.enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = arena.allocate(Cuda.C_POINTER);
            CudaDriver.check(Cuda.cuModuleGetFunction(handle, module, arena.allocateFrom(name)), "cuModuleGetFunction",
                    "looking for kernel " + name + " on " + card.name);
            function = handle.get(Cuda.C_POINTER, 0);
        }
    }

    /** Allows launches with that much dynamic shared memory. */
    void allowShared(int bytes) {
        if (bytes > sharedBytes) {
            card.enter();
            CudaDriver.check(Cuda.cuFuncSetAttribute(function, Cuda.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), bytes),
                    "cuFuncSetAttribute", "allowing kernel " + name + " " + bytes + " bytes of shared memory on " + card.name);
            sharedBytes = bytes;
        }
    }
}
