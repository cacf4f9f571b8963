package duet.bindings;

import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import duet.bindings.cuda.Cuda;

/**
 * Which library the generated class {@link Cuda} calls: the CUDA driver, or the virtual GPU, which exports the same functions. One
 * process uses one of them, because a generated class is bound once.
 */
public final class CudaLibrary {
    static final String FUNCTIONS = "cuda_functions";
    private static Kind chosen;

    private CudaLibrary() {}

    /** What stands behind the driver functions. */
    public enum Kind {
        /** libcuda.so.1, of NVIDIA's driver */
        DRIVER("cuda"),
        /** the virtual GPU, which interprets PTX on the CPU */
        VIRTUAL("duet_vgpu");

        private final String library;

        Kind(String library) {
            this.library = library;
        }

        /** {@return its name for {@link NativeLibraries}} */
        public String library() {
            return library;
        }
    }

    /**
     * Chooses the library before the first call, if it can be used.
     *
     * @param kind the driver or the virtual GPU
     * @return why it cannot, in one sentence; then nothing is chosen
     */
    public static synchronized Optional<String> choose(Kind kind) {
        Optional<String> problem = NativeLibraries.problem(kind.library());
        if (problem.isPresent()) {
            return problem;
        }
        if (chosen != null && chosen != kind) {
            return Optional.of(
                    "this process uses " + (chosen == Kind.VIRTUAL ? "the virtual GPU" : "the CUDA driver") + " already, so it cannot use "
                            + (kind == Kind.VIRTUAL ? "the virtual GPU" : "the CUDA driver") + "; start another process for that");
        }
        List<String> missing = missingFunctions(kind);
        if (!missing.isEmpty()) {
            return Optional.of(NativeLibraries.location(kind.library()) + " lacks " + String.join(", ", missing)
                    + ": it is too old, or not a CUDA driver; install a newer NVIDIA driver");
        }
        chosen = kind;
        return Optional.empty();
    }

    static synchronized String chosen() {
        if (chosen == null) {
            throw new IllegalStateException("CudaLibrary.choose comes before the first call of a driver function");
        }
        return chosen.library();
    }

    /** Functions that the generated class calls and the library does not have. */
    private static List<String> missingFunctions(Kind kind) {
        return Arrays.stream(Cuda.class.getMethods()).map(Method::getName).filter(name -> name.matches("cu[A-Z]\\w*")).distinct().sorted()
                .filter(name -> NativeLibraries.lookup(kind.library()).find(name).isEmpty()).toList();
    }
}
