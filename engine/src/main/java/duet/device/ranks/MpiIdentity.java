package duet.device.ranks;

import duet.bindings.mpi.DuetMpi;
import duet.device.DeviceException;

/**
 * What MPI says of this process.
 *
 * @param library its name and version
 */
record MpiIdentity(int rank, int size, int largestTag, String library, String host) {

    /**
     * Starts MPI, on the thread that will call it.
     *
     * @throws DeviceException if MPI and Java or MPI and the launcher do not go together
     */
    static MpiIdentity start(Launch launch) {
        int error = DuetMpi.duet_mpi_start();
        if (error == DuetMpi.DUET_MPI_SIGNALS()) {
            throw new DeviceException(
                    "the MPI library has taken the signal SIGSEGV from Java, which would end the program at its first null: "
                            + "set UCX_ERROR_SIGNALS to nothing (export UCX_ERROR_SIGNALS=)");
        }
        MpiThread.requireDone(error);
        int rank = DuetMpi.duet_mpi_rank();
        int size = DuetMpi.duet_mpi_size();
        String library = library(DuetMpi.duet_mpi_library().getString(0));
        if (launch.size() != 0 && (size != launch.size() || rank != launch.rank())) {
            throw new DeviceException("the launcher has started this process as rank " + launch.rank() + " of " + launch.size()
                    + ", but for the library (" + library + ") it is rank " + rank + " of " + size
                    + ": launcher and library do not belong together; start it with the mpirun of " + library);
        }
        return new MpiIdentity(rank, size, DuetMpi.duet_mpi_largest_tag(), library, DuetMpi.duet_mpi_host().getString(0));
    }

    /** Of the library's own words, which may fill a page, the name and the version. */
    private static String library(String words) {
        String line = words.lines().findFirst().orElse("MPI");
        return line.replaceAll(",.*", "").replaceAll("Version:\\s*", "").replaceAll("\\s+", " ").strip();
    }
}
