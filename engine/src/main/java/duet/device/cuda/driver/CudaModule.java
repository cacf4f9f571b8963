package duet.device.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;
import duet.device.DeviceException;

/** Loads PTX into the current context. */
public final class CudaModule {
    private static final int LOG_BYTES = 16 << 10;
    private static final int LOG_LINES = 12;

    private CudaModule() {}

    /** The module's handle; throws {@link DeviceException} with the compiler's log if the driver refuses it. */
    public static MemorySegment load(String name, String ptx, CudaCard card) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment log = arena.allocate(LOG_BYTES);
            MemorySegment options = arena.allocateFrom(JAVA_INT, Cuda.CU_JIT_ERROR_LOG_BUFFER(), Cuda.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES());
            MemorySegment values = arena.allocate(Cuda.C_POINTER, 2);
            values.setAtIndex(Cuda.C_POINTER, 0, log);
            values.setAtIndex(Cuda.C_POINTER, 1, MemorySegment.ofAddress(LOG_BYTES)); // the driver takes the number itself for a pointer
            MemorySegment handle = arena.allocate(Cuda.C_POINTER);
            int result = Cuda.cuModuleLoadDataEx(handle, arena.allocateFrom(ptx), 2, options, values);
            if (result != Cuda.CUDA_SUCCESS()) {
                throw new DeviceException(refusal(result, name, card, log.getString(0)));
            }
            return handle.get(Cuda.C_POINTER, 0);
        }
    }

    private static String refusal(int result, String name, CudaCard card, String log) {
        String hint = result == Cuda.CUDA_ERROR_UNSUPPORTED_PTX_VERSION()
                ? "; the driver (CUDA " + CudaDriver.version(CudaDriver.version()) + ") is older than the kernels' PTX: install a newer one"
                : "";
        String lines = log.isBlank() ? "" : log.lines().limit(LOG_LINES).reduce("; its log:", (text, line) -> text + "\n  " + line);
        return card.name + " refuses the kernels of " + name + ".ptx: cuModuleLoadDataEx answers " + CudaDriver.words(result) + hint
                + lines;
    }
}
