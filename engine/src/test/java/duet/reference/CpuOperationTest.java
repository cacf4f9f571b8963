package duet.reference;

import duet.device.Backend;
import duet.device.Backends;

/** The CPU kernels against the reference, on the instruction set that -Dduet.cpu names (default: the machine's best). */
class CpuOperationTest extends OperationSuite {
    @Override
    Backend open(int threads) {
        return Backends.open("cpu", threads);
    }
}
