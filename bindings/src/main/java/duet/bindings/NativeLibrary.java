package duet.bindings;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;

/** A library that was opened (symbols and location), or why it was not (problem, one sentence). */
record NativeLibrary(SymbolLookup symbols, String location, String problem) {

    static NativeLibrary at(String location, SymbolLookup symbols) {
        return new NativeLibrary(symbols, location, null);
    }

    static NativeLibrary unusable(String problem) {
        return new NativeLibrary(null, null, problem);
    }

    NativeLibrary usable() {
        if (problem != null) {
            throw new UnsatisfiedLinkError(problem);
        }
        return this;
    }

    Optional<MemorySegment> find(String symbol) {
        return usable().symbols.find(symbol);
    }
}
