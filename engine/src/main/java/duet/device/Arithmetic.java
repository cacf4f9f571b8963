package duet.device;

import java.util.Locale;

/**
 * How a backend computes products, as far as that can be chosen; the same numbers come out only with the same choice. Checkpoints say with
 * which a training was computed last.
 *
 * @param convolutions how they are computed
 * @param precision    of the products of convolutions and fully connected layers
 */
public record Arithmetic(ConvolutionChoice convolutions, Precision precision) {
    /** Each convolution in what is likely to be the fastest way, float. */
    public static final Arithmetic DEFAULT = new Arithmetic(ConvolutionChoice.FASTEST, Precision.FP32);

    /** Such as {@code bf16, convolutions fastest}. */
    @Override
    public String toString() {
        return precision + ", convolutions " + convolutions.name().toLowerCase(Locale.ROOT);
    }
}
