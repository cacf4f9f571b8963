package duet.bindings;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** Opens shared libraries. SymbolLookup.libraryLookup hides why it failed, so dlopen is asked first, and dlerror when it refuses. */
final class DynamicLinker {
    private static final int RTLD_NOW = 2;
    private static final long LONGEST_MESSAGE = 4096;

    private DynamicLinker() {}

    /**
     * Opens a library for the life of the process.
     *
     * @param file a path, or a bare name that the system's loader searches for
     * @throws UnsatisfiedLinkError with the loader's own words
     */
    static SymbolLookup open(String file) {
        Optional<MemorySegment> dlopen = Linker.nativeLinker().defaultLookup().find("dlopen");
        Optional<MemorySegment> dlerror = Linker.nativeLinker().defaultLookup().find("dlerror");
        if (dlopen.isPresent() && dlerror.isPresent()) {
            tryOpening(file, dlopen.get(), dlerror.get());
        }
        try {
            return SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new UnsatisfiedLinkError(e.getMessage());
        }
    }

    private static void tryOpening(String file, MemorySegment dlopenAddress, MemorySegment dlerrorAddress) {
        Linker linker = Linker.nativeLinker();
        MethodHandle dlopen = linker.downcallHandle(dlopenAddress, FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT));
        MethodHandle dlerror = linker.downcallHandle(dlerrorAddress, FunctionDescriptor.of(ADDRESS));
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment handle = (MemorySegment) dlopen.invokeExact(arena.allocateFrom(file), RTLD_NOW);
            if (!handle.equals(MemorySegment.NULL)) {
                return;
            }
            MemorySegment message = (MemorySegment) dlerror.invokeExact();
            throw new UnsatisfiedLinkError(message.equals(MemorySegment.NULL)
                    ? "the loader gives no reason" : message.reinterpret(LONGEST_MESSAGE).getString(0));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing else
        }
    }

    /** Sets a variable for native code, which does not see Java's copy of the environment. */
    static void setEnvironment(String name, String value) {
        Linker linker = Linker.nativeLinker();
        MemorySegment address = linker.defaultLookup().find("setenv").orElse(null);
        if (address == null) {
            return; // not a POSIX system, which has no MPI that wants this
        }
        MethodHandle setenv = linker.downcallHandle(address, FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
        try (Arena arena = Arena.ofConfined()) {
            int _ = (int) setenv.invokeExact(arena.allocateFrom(name), arena.allocateFrom(value), 1);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing else
        }
    }
}
