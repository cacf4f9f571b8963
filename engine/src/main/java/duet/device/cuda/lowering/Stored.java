package duet.device.cuda.lowering;

import duet.device.Precision;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;

/** How the numbers of a tensor lie in the memory of a CUDA device; their order is {@link CudaLayout}'s business. */
public enum Stored {
    /** As {@link Tensor.Format} says: float, bytes or integers. */
    PLAIN,
    /** The upper half of a float, rounded to nearest, ties to even. */
    BF16,
    /**
     * Two planes of 16 bits, the lower one from {@link #lowerPlane} on: the float rounded to bf16 (ties away from zero, so that the rest
     * fits) and the signed rest of its bits. Together they are the float, exactly; a product reads the upper plane alone. NaN is 0x7fff
     * without a rest: adding 0x8000 to its bits would make a zero of some.
     */
    PLANES;

    private static final int ALIGNMENT = 16;
    private static final int NAN = 0x7FFF;

    static Stored of(Tensor tensor, Precision precision) {
        if (precision != Precision.BF16) {
            return PLAIN;
        }
        if (tensor.format() == Format.ACTIVATION && tensor.role() == Role.TRANSIENT) {
            return BF16;
        }
        return tensor.format() == Format.FILTER && (tensor.role() == Role.PARAMETER || tensor.role() == Role.SHARE) ? PLANES : PLAIN;
    }

    /** {@return where the lower plane of so many numbers begins, in bytes: a multiple of 16} */
    static long lowerPlane(long elements) {
        return Math.ceilDiv(2 * elements, ALIGNMENT) * ALIGNMENT;
    }

    long bytes(Tensor tensor) {
        return switch (this) {
            case PLAIN -> tensor.dataBytes();
            case BF16 -> 2 * tensor.elements();
            case PLANES -> 2 * lowerPlane(tensor.elements());
        };
    }

    /** Floats in the kernels' order as 16-bit words, as many as {@link #bytes} says. */
    short[] encode(Tensor tensor, float[] values) {
        short[] words = new short[Math.toIntExact(bytes(tensor) / 2)];
        int lower = (int) lowerPlane(tensor.elements()) / 2;
        for (int i = 0; i < values.length; i++) {
            int bits = Float.floatToRawIntBits(values[i]);
            if (Float.isNaN(values[i])) {
                words[i] = NAN;
            } else if (this == BF16) {
                words[i] = (short) (bits + 0x7FFF + (bits >>> 16 & 1) >>> 16);
            } else {
                words[i] = (short) (bits + 0x8000 >>> 16);
                words[lower + i] = (short) bits;
            }
        }
        return words;
    }

    /** What {@link #encode} has made of floats. */
    void decode(Tensor tensor, short[] words, float[] values) {
        int lower = (int) lowerPlane(tensor.elements()) / 2;
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat((words[i] << 16) + (this == BF16 ? 0 : words[lower + i]));
        }
    }
}
