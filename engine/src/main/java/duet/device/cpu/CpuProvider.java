package duet.device.cpu;

import java.util.List;
import java.util.Optional;

import duet.bindings.NativeLibraries;
import duet.device.Backend;
import duet.device.BackendProvider;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.Precision;

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
    public void require(CpuOptions options) {
        Precision precision = options.arithmetic().precision();
        if (precision == Precision.BF16X3 || precision == Precision.BF16X6) {
            throw new DeviceException(
                    precision + " is for CUDA devices: CPU devices are as exact with --precision fp32, and have bf16 and bf16-everywhere");
        }
    }

    @Override
    public Backend open(List<Integer> numbers, CpuOptions options) {
        return open(numbers, options, Peers.NONE);
    }

    @Override
    public Backend open(List<Integer> numbers, CpuOptions options, Peers peers) {
        return new CpuBackend(numbers.size(), options, peers);
    }
}
