package duet.device;

/** How CPU devices compute convolutions. Fully connected layers and the other backends have one way. */
public enum ConvolutionChoice {
    /** For each layer what is likely to be the fastest: the direct sums or Winograd's form. */
    FASTEST,
    /** Direct sums everywhere. */
    DIRECT,
    /**
     * Winograd's form wherever it applies (kernels of 3x3 and 5x5 with stride 1, groups of whole vectors of channels and filters): fewer
     * multiplications and somewhat larger rounding errors; native/cpu/winograd says how much of both.
     */
    WINOGRAD
}
