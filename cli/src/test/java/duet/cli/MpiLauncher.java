package duet.cli;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import duet.bindings.NativeLibraries;

/** The launchers of processes that there can be. */
enum MpiLauncher {
    OPEN_MPI("duet_mpi_openmpi", "Open MPI", List.of("mpirun.openmpi", "mpirun"),
            List.of("--allow-run-as-root", "--oversubscribe", "--bind-to", "none")),
    MPICH("duet_mpi_mpich", "HYDRA", List.of("mpirun.mpich", "mpirun"), List.of());

    /** A process's number in a shell that the launcher has started. */
    static final String RANK = "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}";

    private final String shim;
    private final String word;
    private final List<String> names;
    private final List<String> options;

    MpiLauncher(String shim, String word, List<String> names, List<String> options) {
        this.shim = shim;
        this.word = word;
        this.names = names;
        this.options = options;
    }

    /** The command that starts so many processes of the command after it; the test is skipped where there is none. */
    List<String> start(int processes) throws IOException, InterruptedException {
        for (String name : names) {
            if (version(name).contains(word)) {
                assumeTrue(NativeLibraries.problem(shim).isEmpty(), () -> NativeLibraries.problem(shim).orElseThrow());
                return Stream.of(List.of(name), options, List.of("-n", Integer.toString(processes))).flatMap(List::stream).toList();
            }
        }
        assumeTrue(false, "no mpirun of " + this + " is installed");
        return List.of();
    }

    private static String version(String name) throws IOException, InterruptedException {
        try {
            Process process = new ProcessBuilder(name, "--version").redirectErrorStream(true).start();
            String words = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            process.waitFor();
            return words;
        } catch (IOException e) {
            return ""; // not installed
        }
    }

    /** The same; each process leaves its number of the system in the folder, for {@link #number}. */
    List<String> numbered(int processes, Path folder) throws IOException, InterruptedException {
        List<String> wrapper = new ArrayList<>(start(processes));
        wrapper.addAll(List.of("sh", "-c", "echo $$ > '" + folder + "/pid-'" + RANK + "; exec \"$@\"", "sh"));
        return wrapper;
    }

    /** By which the system knows a process that has begun. */
    static String number(int rank, Path folder) throws IOException {
        return Files.readString(folder.resolve("pid-" + rank)).strip();
    }
}
