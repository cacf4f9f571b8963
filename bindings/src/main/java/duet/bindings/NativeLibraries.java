package duet.bindings;

import java.lang.foreign.SymbolLookup;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds native libraries by name: {@code duet_cpu} (the CPU kernels), {@code turbojpeg} (libjpeg-turbo), {@code cuda} (the CUDA
 * driver), {@code duet_vgpu} (the virtual GPU), {@code cuda_functions} (either of the two, see {@link CudaLibrary}), {@code
 * duet_mpi_openmpi} and {@code duet_mpi_mpich} (processes that work together), {@code duet_mpi} (either of the two, see {@link
 * MpiLibrary}), {@code nccl} (bytes from card to card between processes, see {@link NcclLibrary}) and {@code duet_probe} (what the machine
 * can do at most).
 *
 * <p>A library is looked for once, at its first use: in the file that the system property {@code duet.lib.NAME} names, else in the jar,
 * else where the system's loader looks. The property {@code duet.cpu}, or the environment variable {@code DUET_CPU}, chooses another
 * instruction set of the CPU kernels than the best one, see {@link CpuVariant}.
 */
public final class NativeLibraries {
    private static final Map<String, NativeLibrary> OPENED = new ConcurrentHashMap<>();

    private NativeLibraries() {}

    /**
     * {@return the symbols of a library} The library is opened at the first symbol, so this never fails; looking for a symbol of a library
     * that cannot be used throws UnsatisfiedLinkError with the sentence of {@link #problem}. Ask {@link #problem} before calling a
     * generated function: its class stays unusable after a failure.
     *
     * @param name one of the class's list
     */
    public static SymbolLookup lookup(String name) {
        return symbol -> library(name).find(symbol);
    }

    /**
     * {@return why the library cannot be used, in one sentence; empty if it can}
     *
     * @param name one of the class's list
     */
    public static Optional<String> problem(String name) {
        return Optional.ofNullable(library(name).problem());
    }

    /**
     * {@return the file that the library was opened from}
     *
     * @param name one of the class's list
     * @throws UnsatisfiedLinkError if it cannot be used
     */
    public static String location(String name) {
        return library(name).usable().location();
    }

    private static NativeLibrary library(String name) {
        if (name.equals(CudaLibrary.FUNCTIONS)) {
            return library(CudaLibrary.chosen());
        }
        if (name.equals(MpiLibrary.FUNCTIONS)) {
            return library(MpiLibrary.chosen());
        }
        return OPENED.computeIfAbsent(name, NativeLibraries::open);
    }

    private static NativeLibrary open(String name) {
        return new LibraryFinder(System::getProperty, System::getenv, CpuVariant.processorFlags()).open(name);
    }
}
