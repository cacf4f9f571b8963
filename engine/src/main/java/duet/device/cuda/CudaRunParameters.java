package duet.device.cuda;

import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.Cuda;
import duet.bindings.cuda.kernels.duet_run;
import duet.device.RunParameters;
import duet.device.cuda.driver.CudaStream;
import duet.device.cuda.driver.PinnedMemory;
import duet.device.cuda.driver.Resources;

/** The numbers of a run in device memory, where the kernels of a captured run find them: one duet_run structure on each device. */
final class CudaRunParameters {
    private static final int RATES = (int) duet_run.rates$layout().elementCount();
    private static final long RATE_BYTES = duet_run.rates$layout().elementLayout().byteSize();

    private final CudaBackend backend;
    private final long[] addresses;
    /** For each input slot, since the next run's numbers are written while one is in flight. */
    private final PinnedMemory[] host = new PinnedMemory[CudaInputs.SLOTS];

    CudaRunParameters(CudaBackend backend, Resources resources) {
        this.backend = backend;
        addresses = new long[backend.own().size()];
        for (int d = 0; d < addresses.length; d++) {
            addresses[d] = resources.memory(backend.own().get(d), duet_run.sizeof());
        }
        for (int s = 0; s < host.length; s++) {
            host[s] = resources.pinned(backend.own().getFirst().card, duet_run.sizeof());
            host[s].segment.fill((byte) 0);
        }
    }

    long address(int device) {
        return addresses[backend.here(device)];
    }

    void set(int slot, RunParameters parameters) {
        if (parameters.learningRates().length > RATES) {
            throw new IllegalArgumentException(parameters.learningRates().length + " learning rates; the kernels take up to " + RATES);
        }
        MemorySegment run = host[slot].segment;
        duet_run.seed(run, parameters.seed());
        duet_run.step(run, parameters.step());
        duet_run.momentum(run, parameters.momentum());
        for (int i = 0; i < parameters.learningRates().length; i++) {
            run.set(Cuda.C_FLOAT, duet_run.rates$offset() + i * RATE_BYTES, parameters.learningRates()[i]);
            run.set(Cuda.C_FLOAT, duet_run.rates$offset() + i * RATE_BYTES + Float.BYTES, parameters.weightDecays()[i]);
        }
    }

    /** Part of a run: to a device. */
    void issue(int slot, CudaStream stream) {
        stream.copyToDevice(address(stream.device.index), host[slot].segment, duet_run.sizeof(), "passing the numbers of a run");
    }
}
