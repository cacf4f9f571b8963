package duet.device.cuda.lowering;

import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.kernels.duet_divisor;
import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** What the lowerings of the memory-bound kernels share. */
final class Grids {
    private Grids() {}

    static final int THREADS = 256;
    /** Blocks of a kernel whose grid strides over its tensor, for each multiprocessor: twice what is resident at a time. */
    private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

    static long address(Site site, Tensor tensor) {
        return tensor == null ? 0 : site.address().applyAsLong(tensor);
    }

    /** One thread for each of {@code count}. */
    static KernelCall each(String kernel, int count, MemorySegment arguments) {
        return new KernelCall(kernel, Math.ceilDiv(count, THREADS), 1, 1, THREADS, 0, arguments);
    }

    /** Blocks of a grid that strides over floats, four a thread and step. */
    static int strides(Site site, long floats) {
        return (int) Math.clamp(Math.ceilDiv(floats / 4, THREADS), 1, (long) BLOCKS_PER_MULTIPROCESSOR * site.multiprocessors());
    }

    /** Elements of a tensor, in vectors; a number that the kernels can divide. */
    static int count(Operation operation, Tensor tensor, int vector) {
        if (tensor.elements() > Integer.MAX_VALUE) {
            throw new DeviceException("%s: %s has more than 2^31 - 1 numbers; use smaller batches".formatted(operation.layer(), tensor));
        }
        return (int) tensor.elements() / vector;
    }

    /** See {@code duet_divisor} in duet_cuda.h. */
    static void divisor(MemorySegment to, int divisor) {
        int shift = 32 - Integer.numberOfLeadingZeros(divisor - 1);
        duet_divisor.divisor(to, divisor);
        duet_divisor.multiplier(to, (int) (((1L << 32) * ((1L << shift) - divisor)) / divisor + 1));
        duet_divisor.shift(to, shift);
    }
}
