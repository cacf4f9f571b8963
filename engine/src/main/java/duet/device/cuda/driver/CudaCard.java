package duet.device.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Map;

import duet.bindings.KernelCode;
import duet.bindings.cuda.Cuda;
import duet.device.DeviceException;

/** One card: its primary context and the kernels loaded into it. Several logical devices may share it. */
public final class CudaCard implements AutoCloseable {
    private static final int NAME_BYTES = 256;
    private static final int UUID_BYTES = 16;
    /** Ampere: what nvcc compiles the kernels for. */
    private static final int COMPUTE_CAPABILITY = 80;

    final int ordinal;
    /** Such as {@code cuda:0}. */
    public final String name;
    public final String model;
    public final int multiprocessors;
    public final int computeCapability;
    public final long memoryBytes;
    private final int handle;
    private final MemorySegment context;
    private final KernelCode code;
    private final Map<String, MemorySegment> modules = new HashMap<>();
    private final Map<String, CudaKernel> kernels = new HashMap<>();

    public CudaCard(String name, int ordinal, KernelCode code) {
        this.name = name;
        this.code = code;
        this.ordinal = ordinal;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_INT);
            CudaDriver.check(Cuda.cuDeviceGet(number, ordinal), "cuDeviceGet", "opening " + name);
            handle = number.get(JAVA_INT, 0);
            MemorySegment text = arena.allocate(NAME_BYTES);
            CudaDriver.check(Cuda.cuDeviceGetName(text, NAME_BYTES, handle), "cuDeviceGetName", "opening " + name);
            model = text.getString(0);
            MemorySegment bytes = arena.allocate(JAVA_LONG);
            CudaDriver.check(Cuda.cuDeviceTotalMem_v2(bytes, handle), "cuDeviceTotalMem", "opening " + name);
            memoryBytes = bytes.get(JAVA_LONG, 0);
            multiprocessors = attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT());
            computeCapability = 10 * attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR())
                    + attribute(number, Cuda.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR());
            if (computeCapability < COMPUTE_CAPABILITY) {
                throw new DeviceException(String.format(Locale.ROOT,
                        "%s (%s) has compute capability %.1f, but the kernels need %.1f or newer; use --devices cpu",
                        name, model, computeCapability / 10.0, COMPUTE_CAPABILITY / 10.0));
            }
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            CudaDriver.check(Cuda.cuDevicePrimaryCtxRetain(pointer, handle), "cuDevicePrimaryCtxRetain", "opening " + name);
            context = pointer.get(Cuda.C_POINTER, 0);
        }
    }

    private int attribute(MemorySegment number, int attribute) {
        CudaDriver.check(Cuda.cuDeviceGetAttribute(number, attribute, handle), "cuDeviceGetAttribute", "opening " + name);
        return number.get(JAVA_INT, 0);
    }

    /** Makes the context current for this thread: the driver's other calls act on it. */
    public void enter() {
        CudaDriver.check(Cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent", name);
    }

    /** Free memory in bytes. */
    long freeBytes() {
        enter();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment free = arena.allocate(JAVA_LONG);
            MemorySegment total = arena.allocate(JAVA_LONG);
            CudaDriver.check(Cuda.cuMemGetInfo_v2(free, total), "cuMemGetInfo", "asking " + name + " for its free memory");
            return free.get(JAVA_LONG, 0);
        }
    }

    /** Lets kernels and copies of this card reach the other's memory directly, if the cards can; otherwise the driver stages copies. */
    public boolean reach(CudaCard other) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment able = arena.allocate(JAVA_INT);
            CudaDriver.check(Cuda.cuDeviceCanAccessPeer(able, handle, other.handle), "cuDeviceCanAccessPeer", "connecting " + name);
            if (able.get(JAVA_INT, 0) == 0) {
                return false;
            }
            enter();
            int result = Cuda.cuCtxEnablePeerAccess(other.context, 0);
            if (result != Cuda.CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED()) {
                CudaDriver.check(result, "cuCtxEnablePeerAccess", "connecting " + name + " to " + other.name);
            }
            return true;
        }
    }

    /** Of the card itself, whatever number it has in a process. */
    public String uuid() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment uuid = arena.allocate(UUID_BYTES);
            CudaDriver.check(Cuda.cuDeviceGetUuid_v2(uuid, handle), "cuDeviceGetUuid", "opening " + name);
            return HexFormat.of().formatHex(uuid.toArray(JAVA_BYTE));
        }
    }

    MemorySegment context() {
        return context;
    }

    /** A kernel by its name. Its module is loaded when the first of its kernels is wanted; the driver compiles it for the card. */
    CudaKernel kernel(String kernel) {
        return kernels.computeIfAbsent(kernel, this::find);
    }

    private CudaKernel find(String kernel) {
        String module = code.moduleOf(kernel);
        if (module == null) {
            throw new DeviceException("there is no CUDA kernel " + kernel + " in this build");
        }
        enter();
        MemorySegment handle = modules.computeIfAbsent(module, name -> CudaModule.load(name, code.modules().get(name), this));
        return new CudaKernel(this, handle, kernel);
    }

    /** Releases the context and with it all that is in it, also when the context is lost. */
    @Override
    public void close() {
        if (Cuda.cuCtxSetCurrent(context) == Cuda.CUDA_SUCCESS()) {
            modules.values().forEach(Cuda::cuModuleUnload);
        }
        Cuda.cuCtxSetCurrent(MemorySegment.NULL);
        Cuda.cuDevicePrimaryCtxRelease_v2(handle);
    }
}
