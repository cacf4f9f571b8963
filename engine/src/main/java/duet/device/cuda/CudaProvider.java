package duet.device.cuda;

import java.util.List;
import java.util.Optional;

import duet.device.Backend;
import duet.device.BackendProvider;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.Precision;

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
        return CudaBackend.problem(kind());
    }

    @Override
    public int count() {
        return CudaBackend.count(kind());
    }

    @Override
    public void require(CpuOptions options) {
        Precision precision = options.arithmetic().precision();
        if (precision != Precision.FP32) {
            throw new DeviceException(precision + " is computed by CPU devices only so far: use --devices cpu or --precision fp32");
        }
    }

    @Override
    public Backend open(List<Integer> numbers, CpuOptions options) {
        return new CudaBackend(kind(), numbers);
    }
}
