package duet.device.cuda;

import static java.lang.foreign.ValueLayout.JAVA_INT;

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

    /** Allows launches with so much dynamic shared memory. */
    void allowShared(int bytes) {
        if (bytes > sharedBytes) {
            card.enter();
            CudaDriver.check(Cuda.cuFuncSetAttribute(function, Cuda.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES(), bytes),
                    "cuFuncSetAttribute", "allowing kernel " + name + " " + bytes + " bytes of shared memory on " + card.name);
            sharedBytes = bytes;
        }
    }

    /** How many blocks of so many threads a multiprocessor holds at a time. */
    int blocksPerMultiprocessor(int threads, int sharedBytes) {
        card.enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_INT);
            CudaDriver.check(Cuda.cuOccupancyMaxActiveBlocksPerMultiprocessor(number, function, threads, sharedBytes),
                    "cuOccupancyMaxActiveBlocksPerMultiprocessor", "asking for the occupancy of kernel " + name);
            return number.get(JAVA_INT, 0);
        }
    }

    /** What ptxas or the driver's compiler gave it; see CU_FUNC_ATTRIBUTE_*. */
    int attribute(int attribute) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_INT);
            CudaDriver.check(Cuda.cuFuncGetAttribute(number, attribute, function), "cuFuncGetAttribute", "asking about kernel " + name);
            return number.get(JAVA_INT, 0);
        }
    }
}
