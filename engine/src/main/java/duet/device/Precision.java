package duet.device;

import java.util.Locale;

/**
 * What the factors of the products of convolutions and fully connected layers are rounded to. Sums, parameters, gradients and all else that
 * is stored are float in any case.
 */
public enum Precision {
    /** Float: 24 significant bits. */
    FP32,
    /**
     * Where it is faster the upper half of a float: its range with 8 significant bits, so that a factor is off by up to 2^-8 of itself.
     * Where that is depends on the processor.
     */
    BF16,
    /** Factors are rounded to bf16 wherever possible, also where that is slower: the rounding of a processor with bf16 instructions. */
    BF16_EVERYWHERE;

    /** As the command line has it: {@code fp32}, {@code bf16} or {@code bf16-everywhere}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
