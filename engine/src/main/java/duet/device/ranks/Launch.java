package duet.device.ranks;

import java.util.Optional;
import java.util.function.UnaryOperator;

import duet.bindings.MpiLibrary;

/**
 * What the launcher of an MPI says in the environment of a process that it has started.
 *
 * @param library whose launcher it is
 * @param rank    of this process
 * @param size    how many there are; 0 where the launcher does not say
 */
public record Launch(Library library, int rank, int size) {
    /** Whose launcher it is. */
    public enum Library {
        /** {@code mpirun} of Open MPI, or a launcher that speaks PMIx */
        OPEN_MPI(MpiLibrary.Kind.OPEN_MPI),
        /** {@code mpirun} of MPICH, or a launcher that speaks PMI */
        MPICH(MpiLibrary.Kind.MPICH);

        final MpiLibrary.Kind kind;

        Library(MpiLibrary.Kind kind) {
            this.kind = kind;
        }
    }

    /**
     * {@return what the environment says; empty for a process that no launcher has started, or that is alone}
     *
     * @param environment value of a variable, or null
     */
    public static Optional<Launch> of(UnaryOperator<String> environment) {
        Launch launch = launch(environment);
        return Optional.ofNullable(launch).filter(l -> l.size() != 1);
    }

    private static Launch launch(UnaryOperator<String> environment) {
        Integer rank = number(environment, "OMPI_COMM_WORLD_RANK");
        if (rank != null) {
            return new Launch(Library.OPEN_MPI, rank, size(environment, "OMPI_COMM_WORLD_SIZE"));
        }
        rank = number(environment, "PMI_RANK");
        if (rank != null) {
            return new Launch(Library.MPICH, rank, size(environment, "PMI_SIZE"));
        }
        rank = number(environment, "PMIX_RANK");
        return rank == null ? null : new Launch(Library.OPEN_MPI, rank, size(environment, "SLURM_NTASKS"));
    }

    private static int size(UnaryOperator<String> environment, String name) {
        Integer size = number(environment, name);
        return size == null ? 0 : size;
    }

    private static Integer number(UnaryOperator<String> environment, String name) {
        String value = environment.apply(name);
        return value == null || !value.matches("\\d{1,6}") ? null : Integer.valueOf(value);
    }

    /** {@return whether this process is the one that writes and speaks} */
    public boolean first() {
        return rank == 0;
    }
}
