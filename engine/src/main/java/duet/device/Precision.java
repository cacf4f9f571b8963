package duet.device;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What the factors of the products of convolutions and fully connected layers are rounded to. Sums, parameters and their gradients are
 * float in any case; so is all else that is stored, but for the maps and their gradients on a CUDA device in {@link #BF16}.
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
    BF16_EVERYWHERE,
    /**
     * On the tensor cores of a card, each factor as the sum of two bf16 numbers and three products for one: about 2^-16 of a factor is
     * lost, less than TF32 loses (2^-11).
     */
    BF16X3,
    /** The same with three bf16 numbers and six products: nothing of a factor is lost, and sums are as exact as those of {@link #FP32}. */
    BF16X6;

    /**
     * {@return the precision of a name}
     *
     * @param name as {@link #toString} gives it
     * @throws IllegalArgumentException in a sentence that has the names that there are
     */
    public static Precision named(String name) {
        return Arrays.stream(values()).filter(precision -> precision.toString().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'%s' is none of %s".formatted(name,
                        Arrays.stream(values()).map(precision -> "'" + precision + "'").collect(Collectors.joining(", ")))));
    }

    /** As the command line has it: {@code fp32}, {@code bf16}, {@code bf16-everywhere}, {@code bf16x3} or {@code bf16x6}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
