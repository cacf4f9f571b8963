package duet.device.cuda;

import java.util.List;
import java.util.Optional;

import duet.bindings.KernelCode;
import duet.device.Backend;
import duet.device.BackendProvider;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.Peers;
import duet.device.Precision;
import duet.device.cuda.driver.CudaDriver;

/** Devices {@code cuda:0}, {@code cuda:1}, ...: the cards that NVIDIA's driver sees. */
public class CudaProvider implements BackendProvider {
    @Override
    public String kind() {
        return "cuda";
    }

    @Override
    public boolean numbered() {
        return true;
    }

    @Override
    public int preference() {
        return 1;
    }

    @Override
    public Optional<String> problem() {
        Optional<String> problem = CudaDriver.problem(CudaBackend.kind(kind()));
        return problem.isEmpty() && KernelCode.load().modules().isEmpty() ? Optional.of(CudaWords.NO_KERNELS) : problem;
    }

    @Override
    public int count() {
        return problem().isPresent() ? 0 : CudaDriver.count();
    }

    @Override
    public void require(CpuOptions options) {
        if (options.arithmetic().precision() == Precision.BF16_EVERYWHERE) {
            throw new DeviceException("bf16-everywhere is for CPU devices: CUDA devices compute everything in bf16 with --precision bf16");
        }
    }

    @Override
    public Backend open(List<Integer> numbers, CpuOptions options) {
        return open(numbers, options, Peers.NONE);
    }

    @Override
    public Backend open(List<Integer> numbers, CpuOptions options, Peers peers) {
        return new CudaBackend(kind(), numbers, options.arithmetic().precision(), peers);
    }
}
