package duet.reference;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;

/**
 * The CPU kernels against the reference, on the instruction set that -Dduet.cpu names (default: the machine's best), convolutions by direct
 * sums.
 */
class CpuOperationTest extends OperationSuite {
    @Override
    Backend open(int threads) {
        return Backends.open("cpu", CpuOptions.DEFAULT.withThreads(threads).withConvolutions(ConvolutionChoice.DIRECT));
    }

    /** On the best instruction set alone: computing AlexNet in double precision takes most of the suite's time. */
    @Override
    boolean largeShapes() {
        return !Boolean.getBoolean("duet.test.others");
    }
}
