package duet.bindings;
import java.lang.foreign.*;
import java.util.Optional;
/** Finds native libraries. */
public final class NativeLibraries {
    private NativeLibraries() {}
    public static SymbolLookup lookup(String name) {
        return SymbolLookup.libraryLookup(java.nio.file.Path.of(System.getProperty("duet.lib." + name)), Arena.global());
    }
    public static Optional<String> problem(String name) { return Optional.empty(); }
    public static String location(String name) { return ""; }
}
