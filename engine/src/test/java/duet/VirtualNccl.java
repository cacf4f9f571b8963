package duet;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/** The stand-in for NCCL on the virtual GPU (native/nccl): from {@link #use} to {@link #leave} backends of several processes find it. */
public final class VirtualNccl {
    /** Where the build of the native tests leaves it. */
    private static final Path LIBRARY = Path.of("../native/build/vnccl/libduet_vnccl.so");
    private static final String PROPERTY = "duet.lib.nccl";

    private VirtualNccl() {}

    /** What a rank does wrong, see duet_vnccl.h. */
    public enum Failure {
        NOTHING(0), HANGS(1), BREAKS(2), REFUSES(3), ABSENT(4);

        private final int number;

        Failure(int number) {
            this.number = number;
        }
    }

    /** Whether it has been built. */
    public static boolean there() {
        return Files.exists(LIBRARY);
    }

    public static void use() {
        System.setProperty(PROPERTY, LIBRARY.toString());
        fail(-1, Failure.NOTHING, 0);
    }

    public static void leave() {
        System.clearProperty(PROPERTY);
    }

    /** What happens to a rank, or to all (-1), from its n-th exchange on; counts exchanges anew. */
    public static void fail(int rank, Failure failure, int exchange) {
        try {
            handle("duet_vnccl_fail", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT, JAVA_INT)).invokeExact(rank, failure.number,
                    exchange);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /** {@return the exchanges of all ranks so far} */
    public static long exchanges() {
        try {
            return (long) handle("duet_vnccl_groups", FunctionDescriptor.of(JAVA_LONG)).invokeExact();
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static MethodHandle handle(String name, FunctionDescriptor descriptor) {
        SymbolLookup lookup = SymbolLookup.libraryLookup(LIBRARY.toAbsolutePath(), Arena.global());
        return Linker.nativeLinker().downcallHandle(lookup.findOrThrow(name), descriptor);
    }
}
