package duet;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** Calls of the system that fail when a test wants it: native/test/faults.h, in a process that {@link #LIBRARY} was loaded into first. */
public final class SystemFaults {
    /** Where the build of the native tests leaves it. */
    public static final Path LIBRARY = Path.of("../native/build/faults/libduet_faults.so");
    /** The variable of the environment that names the folder whose files fail. */
    public static final String FOLDER = "DUET_FAULTS";

    private static final SymbolLookup LOOKUP = SymbolLookup.libraryLookup(LIBRARY.toAbsolutePath(), Arena.global());
    private static final MethodHandle ARM = handle("arm", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
    private static final MethodHandle DISARM = handle("disarm", FunctionDescriptor.of(JAVA_LONG));
    private static final MethodHandle STRUCK = handle("struck", FunctionDescriptor.of(JAVA_LONG));
    private static final MethodHandle LAST = handle("last", FunctionDescriptor.of(ADDRESS));

    private SystemFaults() {}

    /** What can fail. */
    public enum Kind {
        /** memory and threads that the native libraries ask for */
        MEMORY(1, 12),
        /** what is done with files below the folder: no space left */
        FILES(2, 28);

        private final int number;
        private final int error;

        Kind(int number, int error) {
            this.number = number;
            this.error = error;
        }
    }

    /** From now on calls are counted from 1, and those with the numbers first .. last fail. */
    public static void arm(Kind kind, long first, long last) {
        call(() -> {
            ARM.invokeExact(kind.number, first, last, kind.error);
            return null;
        });
    }

    /** {@return the calls since then} */
    public static long disarm() {
        return call(() -> (long) DISARM.invokeExact());
    }

    /** {@return the calls that failed} */
    public static long struck() {
        return call(() -> (long) STRUCK.invokeExact());
    }

    /** {@return the name of the last that did, such as {@code rename}} */
    public static String last() {
        return call(() -> ((MemorySegment) LAST.invokeExact()).reinterpret(64).getString(0));
    }

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(LOOKUP.findOrThrow("duet_faults_" + name), descriptor);
    }

    private interface Call<T> {
        T run() throws Throwable;
    }

    private static <T> T call(Call<T> call) {
        try {
            return call.run();
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing
        }
    }
}
