package duet.reference;

import java.util.function.Supplier;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.device.Backend;
import duet.device.Backends;

/** A backend that a parameterised test is run with. */
record BackendOpener(String name, Supplier<Backend> supplier) {
    /** The reference, the CPU, and where it runs the virtual GPU or what is tested in its place. */
    static Stream<BackendOpener> all() {
        Stream<BackendOpener> openers = Stream.of(new BackendOpener("reference", () -> new ReferenceBackend(1)),
                new BackendOpener("cpu", () -> Backends.open("cpu", 2)));
        return VirtualGpuCondition.runs()
                ? Stream.concat(openers, Stream.of(new BackendOpener("virtual", () -> Backends.open(TestDevices.one(), 0)))) : openers;
    }

    Backend open() {
        return supplier.get();
    }

    @Override
    public String toString() {
        return name;
    }
}
