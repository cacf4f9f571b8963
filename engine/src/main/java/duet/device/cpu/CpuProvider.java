package duet.device.cpu;

import java.util.List;
import java.util.Optional;

import duet.bindings.NativeLibraries;
import duet.device.Backend;
import duet.device.BackendProvider;
import duet.device.CpuOptions;

/** Devices {@code cpu}: any number of them share the cores of this machine. */
public final class CpuProvider implements BackendProvider {
    @Override
    public String kind() {
        return "cpu";
    }

    @Override
    public boolean numbered() {
        return false;
    }

    @Override
    public int preference() {
        return 0;
    }

    @Override
    public Optional<String> problem() {
        return NativeLibraries.problem(CpuLibrary.NAME);
    }

    @Override
    public int count() {
        return problem().isPresent() ? 0 : Runtime.getRuntime().availableProcessors();
    }

    @Override
    public Backend open(List<Integer> numbers, CpuOptions options) {
        return new CpuBackend(numbers.size(), options);
    }
}
