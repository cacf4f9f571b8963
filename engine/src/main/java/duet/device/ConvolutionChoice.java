package duet.device;

/** How CPU devices compute convolutions. Fully connected layers and the other backends have one way. */
public enum ConvolutionChoice {
    /** For each layer what is likely to be the fastest: the direct sums or Winograd's form. */
    FASTEST,
    /** Direct sums everywhere. */
    DIRECT,
    /**
     * Winograd's form wherever it applies: fewer multiplications and somewhat larger rounding errors; native/cpu/winograd says how much of
     * both. It applies to square kernels that have 3 or 5 taps along an axis after division by the stride, rounded up, where the channels
     * (times the stride's square) and the filters of a group are whole vectors. With a stride there must be one group, and backward data
     * stays direct.
     */
    WINOGRAD
}
