package duet.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

import duet.bindings.NativeLibraries;

/** The counters of the stub driver (native/vgpu/stub), which stands in for CUDA's when -Dduet.lib.cuda names it. */
final class StubDriver {
    private static final MethodHandle CALLS = Linker.nativeLinker().downcallHandle(
            NativeLibraries.lookup("cuda").find("stub_calls").orElseThrow(() -> new IllegalStateException(
                    NativeLibraries.location("cuda")
                            + " is not the stub driver; give -Dduet.lib.cuda=native/build/stub/libduet_stub_driver.so")),
            FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));

    private StubDriver() {}

    /** How often a driver function has been called in this process. */
    static long calls(String function) {
        try (Arena arena = Arena.ofConfined()) {
            return (long) CALLS.invokeExact(arena.allocateFrom(function));
        } catch (Throwable e) {
            throw new AssertionError(e); // a downcall throws nothing
        }
    }
}
