package duet.bindings;

import java.util.Arrays;
import java.util.Optional;

import duet.bindings.mpi.DuetMpi;

/**
 * Which MPI the generated class {@link DuetMpi} calls: the one whose launcher has started this process. One process uses one of them,
 * because a generated class is bound once.
 */
public final class MpiLibrary {
    static final String FUNCTIONS = "duet_mpi";
    private static Kind chosen;

    private MpiLibrary() {}

    /** Implementations of MPI, each with an interface of its own to binaries. */
    public enum Kind {
        /** also IBM Spectrum MPI and others that are made from it */
        OPEN_MPI("Open MPI", "openmpi", "libopenmpi-dev"),
        /** also Intel MPI, MVAPICH and others that keep MPICH's interface */
        MPICH("MPICH", "mpich", "libmpich-dev");

        private final String label;
        private final String suffix;
        private final String developmentFiles;

        Kind(String label, String suffix, String developmentFiles) {
            this.label = label;
            this.suffix = suffix;
            this.developmentFiles = developmentFiles;
        }

        /** {@return what people call it} */
        public String label() {
            return label;
        }

        String library() {
            return FUNCTIONS + "_" + suffix;
        }
    }

    /**
     * Chooses the library before the first call, if it can be used.
     *
     * @param kind whose launcher has started this process
     * @return why it cannot, in one sentence; then nothing is chosen
     */
    public static synchronized Optional<String> choose(Kind kind) {
        Optional<String> problem = NativeLibraries.problem(kind.library());
        if (problem.isPresent()) {
            return problem;
        }
        if (chosen != null && chosen != kind) {
            return Optional.of("this process uses " + chosen.label + " already, so it cannot use " + kind.label);
        }
        chosen = kind;
        int version = DuetMpi.duet_mpi_abi();
        return version == DuetMpi.DUET_MPI_ABI() ? Optional.empty()
                : Optional.of(
                        NativeLibraries.location(kind.library()) + " has version " + version + " of the interface, but this program needs "
                                + DuetMpi.DUET_MPI_ABI() + "; build both from the same sources");
    }

    static synchronized String chosen() {
        if (chosen == null) {
            throw new IllegalStateException("MpiLibrary.choose comes before the first call of MPI");
        }
        return chosen.library();
    }

    /** That an MPI is not installed here. */
    static String missing(String library) {
        return Arrays.stream(Kind.values()).filter(kind -> kind.library().equals(library)).findFirst()
                .map(kind -> kind.label() + " is not installed here: apt-get install " + kind.developmentFiles)
                .orElse(library + " has no MPI to work with");
    }

    /** How to get a library that the jar has not. */
    static String remedy(String library) {
        for (Kind kind : Kind.values()) {
            if (kind.library().equals(library)) {
                return "it is built where " + kind.label + " is installed (apt-get install " + kind.developmentFiles
                        + "); install it and build again with mvn package -DskipTests";
            }
        }
        return "there is no such library";
    }
}
