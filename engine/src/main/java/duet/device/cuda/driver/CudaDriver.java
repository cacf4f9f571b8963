package duet.device.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

import duet.bindings.CudaLibrary;
import duet.bindings.CudaLibrary.Kind;
import duet.bindings.NativeLibraries;
import duet.bindings.cuda.Cuda;
import duet.device.DeviceException;
import duet.device.VirtualGpu;

/** The CUDA driver, opened once for each process, and the check of what its functions return. */
public final class CudaDriver {
    /** CUDA 11.4: the oldest driver that takes the kernels' PTX (ISA 7.4) and has every function that is called. */
    static final int MINIMUM_VERSION = 11040;

    private static boolean configured;

    private CudaDriver() {}

    /** Why there are no devices of this kind, in one sentence; empty if there are. */
    public static synchronized Optional<String> problem(Kind kind) {
        Optional<String> library = CudaLibrary.choose(kind);
        return library.isPresent() ? library : initialize(kind);
    }

    private static Optional<String> initialize(Kind kind) {
        try {
            if (kind == Kind.VIRTUAL) {
                configureVirtual();
            }
            check(Cuda.cuInit(0), "cuInit", "starting the driver");
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment number = arena.allocate(JAVA_INT);
                check(Cuda.cuDriverGetVersion(number), "cuDriverGetVersion", "asking for its version");
                int version = number.get(JAVA_INT, 0);
                if (version < MINIMUM_VERSION) {
                    return Optional.of("the driver (" + NativeLibraries.location(kind.library()) + ") is that of CUDA " + version(version)
                            + ", but Duet needs " + version(MINIMUM_VERSION) + " or newer; install a newer driver");
                }
                check(Cuda.cuDeviceGetCount(number), "cuDeviceGetCount", "counting devices");
                return number.get(JAVA_INT, 0) > 0 ? Optional.empty() : Optional.of("the driver sees no CUDA device");
            }
        } catch (DeviceException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** DUET_VGPU sets the virtual GPU up before its first use. */
    private static void configureVirtual() {
        String settings = System.getenv("DUET_VGPU");
        if (settings != null && !configured) {
            configured = true;
            VirtualGpu.configure(settings);
        }
        VirtualGpu.problem().ifPresent(problem -> {
            throw new DeviceException(problem);
        });
    }

    /** Throws {@link DeviceException} unless {@link #problem} is empty. */
    public static void require(Kind kind) {
        problem(kind).ifPresent(problem -> {
            throw new DeviceException(problem);
        });
    }

    /** Devices that the driver sees. */
    public static int count() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_INT);
            check(Cuda.cuDeviceGetCount(number), "cuDeviceGetCount", "counting devices");
            return number.get(JAVA_INT, 0);
        }
    }

    /** Such as 12.4 from 12040. */
    static String version(int number) {
        return number / 1000 + "." + number % 1000 / 10;
    }

    static int version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(JAVA_INT);
            check(Cuda.cuDriverGetVersion(number), "cuDriverGetVersion", "asking for its version");
            return number.get(JAVA_INT, 0);
        }
    }

    /**
     * Throws a {@link CudaException} if a driver function has failed.
     *
     * @param doing what it was for, such as {@code allocating 245 MiB on cuda:0}
     */
    static void check(int result, String function, String doing) {
        if (result != Cuda.CUDA_SUCCESS()) {
            throw new CudaException(result, function, doing, words(result));
        }
    }

    /** The driver's name and words for an error. */
    static String words(int result) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointer = arena.allocate(Cuda.C_POINTER);
            String name = Cuda.cuGetErrorName(result, pointer) == 0 ? string(pointer) : "error " + result;
            String text = Cuda.cuGetErrorString(result, pointer) == 0 ? string(pointer) : "";
            return text.isEmpty() ? name : name + " (" + text + ")";
        }
    }

    private static String string(MemorySegment pointer) {
        MemorySegment text = pointer.get(Cuda.C_POINTER, 0);
        return text.equals(MemorySegment.NULL) ? "" : text.getString(0);
    }
}
