package duet.reference;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.device.Backend;
import duet.device.Backends;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * The CUDA kernels against the reference on the virtual GPU, with all its checks on, under several orders of warps and streams. With
 * -Dduet.test.devices=cuda:0 on a real card instead.
 */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class VirtualOperationTest extends OperationSuite {
    static final String[] ORDERS = {
            "warps=round-robin,streams=fifo", "warps=reverse,streams=latest-first,seed=5", "warps=random,streams=random,seed=6"};

    @Override
    Backend open(int threads) {
        return Backends.open(TestDevices.one(), 0);
    }

    @Override
    void prepare(int index) {
        TestDevices.configure(ORDERS[index]);
    }

    @Override
    void requireClean() {
        try {
            TestDevices.requireClean("findings");
        } finally {
            TestDevices.reset();
        }
    }

    @AfterAll
    static void resetSettings() {
        TestDevices.configure("");
    }
}
