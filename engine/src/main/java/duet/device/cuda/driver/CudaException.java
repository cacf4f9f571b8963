package duet.device.cuda.driver;

import java.util.Set;

import duet.bindings.cuda.Cuda;
import duet.device.DeviceException;

/** A driver function has failed. The message has the function, what it was for, the driver's words and what to do. */
public final class CudaException extends DeviceException {
    private static final long serialVersionUID = 1;
    /** ECC_UNCORRECTABLE, ILLEGAL_ADDRESS, LAUNCH_TIMEOUT, CONTEXT_IS_DESTROYED, ASSERT and HARDWARE_STACK_ERROR to LAUNCH_FAILED. */
    private static final Set<Integer> STICKY = Set.of(214, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719);

    private final int result;

    CudaException(int result, String function, String doing, String words) {
        super(doing + ": " + function + " answers " + words + hint(result));
        this.result = result;
    }

    private static String hint(int result) {
        if (result == Cuda.CUDA_ERROR_OUT_OF_MEMORY()) {
            return "; use a smaller --batch or a device with more free memory";
        }
        if (result == Cuda.CUDA_ERROR_NO_DEVICE()) {
            return "; use --devices cpu";
        }
        return "";
    }

    /** The CUresult. */
    int result() {
        return result;
    }

    /** Whether the context is lost: a kernel has failed, and every later call of the context answers the same. */
    public boolean sticky() {
        return STICKY.contains(result);
    }
}
