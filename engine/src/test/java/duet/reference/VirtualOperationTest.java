package duet.reference;

import static org.junit.jupiter.api.Assertions.assertEquals;

import duet.VirtualGpuCondition;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.VirtualGpu;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * The CUDA kernels against the reference on the virtual GPU, with all its checks on, under several orders of warps and streams. With
 * -Dduet.test.devices=cuda:0 on a real card instead.
 */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
class VirtualOperationTest extends OperationSuite {
    private static final String DEVICE = System.getProperty("duet.test.devices", "virtual:0").split(",")[0];
    private static final boolean VIRTUAL = DEVICE.startsWith("virtual");
    private static final String[] ORDERS = {
        "warps=round-robin,streams=fifo", "warps=reverse,streams=latest-first,seed=5", "warps=random,streams=random,seed=6"};

    @Override
    Backend open(int threads) {
        return Backends.open(DEVICE, 0);
    }

    @Override
    void prepare(int index) {
        if (VIRTUAL) {
            VirtualGpu.configure(ORDERS[index]);
        }
    }

    @Override
    void requireClean() {
        if (VIRTUAL) {
            String findings = VirtualGpu.findings();
            VirtualGpu.reset();
            assertEquals("", findings);
        }
    }

    @AfterAll
    static void resetSettings() {
        if (VIRTUAL) {
            VirtualGpu.configure("");
        }
    }
}
