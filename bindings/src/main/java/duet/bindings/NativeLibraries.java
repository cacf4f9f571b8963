package duet.bindings;

/** Finds native libraries. */
public final class NativeLibraries {
    private NativeLibraries() {}
}
