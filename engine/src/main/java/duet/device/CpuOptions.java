package duet.device;

/**
 * How CPU devices compute. The other backends have one way.
 *
 * @param threads      in all, 1 to 1024, shared out among the devices; 0 for one for each core
 * @param convolutions how they are computed
 * @param precision    of the products of convolutions and fully connected layers
 */
public record CpuOptions(int threads, ConvolutionChoice convolutions, Precision precision) {
    /** All of the machine, each convolution in what is likely to be the fastest way, float. */
    public static final CpuOptions DEFAULT = new CpuOptions(0, ConvolutionChoice.FASTEST, Precision.FP32);

    public CpuOptions {
        if (threads < 0 || threads > 1024) {
            throw new DeviceException(threads + " threads: use 1 to 1024, or 0 for one for each core");
        }
    }

    public CpuOptions withThreads(int number) {
        return new CpuOptions(number, convolutions, precision);
    }

    public CpuOptions withConvolutions(ConvolutionChoice choice) {
        return new CpuOptions(threads, choice, precision);
    }

    public CpuOptions withPrecision(Precision other) {
        return new CpuOptions(threads, convolutions, other);
    }
}
