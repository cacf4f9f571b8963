package duet.bindings;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

import duet.bindings.nccl.DuetNccl;

/** NVIDIA's NCCL, which the generated class {@link DuetNccl} calls where it is installed. Nothing needs it. */
public final class NcclLibrary {
    static final String FUNCTIONS = "nccl";
    static final String FILE = "libnccl.so.2";
    /** The stand-in for tests has it: it works with the virtual GPU alone, and NCCL with cards alone. */
    private static final String STAND_IN = "duet_vnccl_fail";

    private static final String CARDS_ONLY = "NCCL is for cards";

    private NcclLibrary() {}

    /**
     * {@return why it cannot be used, in a few words or a sentence; empty if it can}
     *
     * @param kind what stands behind the driver's functions
     */
    public static Optional<String> problem(CudaLibrary.Kind kind) {
        if (kind == CudaLibrary.Kind.VIRTUAL && System.getProperty("duet.lib." + FUNCTIONS) == null) {
            return Optional.of(CARDS_ONLY); // the system's is not opened for nothing: it has hundreds of megabytes
        }
        Optional<String> problem = NativeLibraries.problem(FUNCTIONS);
        if (problem.isPresent()) {
            return Optional.of(words(problem.get()));
        }
        if (NativeLibraries.lookup(FUNCTIONS).find(STAND_IN).isPresent() != (kind == CudaLibrary.Kind.VIRTUAL)) {
            return Optional.of(kind == CudaLibrary.Kind.VIRTUAL ? CARDS_ONLY : "the stand-in for NCCL is for the virtual GPU");
        }
        List<String> missing = missingFunctions();
        return missing.isEmpty() ? Optional.empty()
                : Optional.of(NativeLibraries.location(FUNCTIONS) + " lacks " + String.join(", ", missing)
                        + ": it is too old, or not NCCL; install NCCL 2.13 or newer");
    }

    /** That it is not installed is no fault, and needs fewer words. */
    static String words(String problem) {
        return problem.startsWith("The library nccl cannot be opened: " + FILE + ": cannot open shared object file: No such file")
                ? "no " + FILE + " found" : problem;
    }

    /** Functions that the generated class calls and the library does not have. */
    private static List<String> missingFunctions() {
        String suffix = "$address";
        return Arrays.stream(DuetNccl.class.getMethods()).map(Method::getName).filter(name -> name.endsWith(suffix))
                .map(name -> name.substring(0, name.length() - suffix.length())).sorted()
                .filter(name -> NativeLibraries.lookup(FUNCTIONS).find(name).isEmpty()).toList();
    }

    /** {@return its version, such as {@code 2.27.3}, if there is no {@link #problem}} */
    public static String version() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment number = arena.allocate(ValueLayout.JAVA_INT);
            if (DuetNccl.ncclGetVersion(number) != DuetNccl.ncclSuccess()) {
                return "of an unknown version";
            }
            int code = number.get(ValueLayout.JAVA_INT, 0);
            return code / 10_000 + "." + code / 100 % 100 + "." + code % 100;
        }
    }
}
