package duet.device.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;

/** A launch whose arguments are in place: issuing it allocates nothing. */
public final class PreparedKernelCall {
    private final KernelCall launch;
    private final CudaKernel kernel;
    private final MemorySegment extra;
    private final String label;

    /** @param layer for messages */
    public PreparedKernelCall(Arena arena, CudaCard card, String layer, KernelCall launch) {
        this.launch = launch;
        kernel = card.kernel(launch.kernel());
        kernel.allowShared(launch.sharedBytes());
        label = layer + ": launching kernel " + launch.kernel();
        // The arguments as one buffer with its size, so that the driver can tell a structure that differs from the kernel's.
        MemorySegment size = arena.allocateFrom(JAVA_LONG, launch.arguments().byteSize());
        extra = arena.allocate(Cuda.C_POINTER, 5);
        extra.setAtIndex(Cuda.C_POINTER, 0, Cuda.CU_LAUNCH_PARAM_BUFFER_POINTER());
        extra.setAtIndex(Cuda.C_POINTER, 1, launch.arguments());
        extra.setAtIndex(Cuda.C_POINTER, 2, Cuda.CU_LAUNCH_PARAM_BUFFER_SIZE());
        extra.setAtIndex(Cuda.C_POINTER, 3, size);
        extra.setAtIndex(Cuda.C_POINTER, 4, Cuda.CU_LAUNCH_PARAM_END());
    }

    public void issue(CudaStream stream) {
        stream.device.card.enter();
        int result = Cuda.cuLaunchKernel(kernel.function, launch.gridX(), launch.gridY(), launch.gridZ(), launch.blockX(), 1, 1,
                launch.sharedBytes(), stream.handle, MemorySegment.NULL, extra);
        if (result != Cuda.CUDA_SUCCESS()) {
            CudaDriver.check(result, "cuLaunchKernel",
                    "%s with %d x %d x %d blocks of %d threads and %d bytes of shared memory on %s".formatted(
                            label, launch.gridX(), launch.gridY(), launch.gridZ(), launch.blockX(), launch.sharedBytes(),
                            stream.device.label()));
        }
    }

    /** Such as {@code conv1: launching kernel ...}. */
    public String label() {
        return label;
    }
}
