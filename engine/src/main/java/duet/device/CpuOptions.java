package duet.device;

/**
 * How CPU devices compute. The other backends have one way.
 *
 * @param threads    in all, 1 to 1024, shared out among the devices; 0 for one for each core
 * @param arithmetic of convolutions and fully connected layers
 */
public record CpuOptions(int threads, Arithmetic arithmetic) {
    /** All of the machine, each convolution in what is likely to be the fastest way, float. */
    public static final CpuOptions DEFAULT = new CpuOptions(0, Arithmetic.DEFAULT);

    public CpuOptions {
        if (threads < 0 || threads > 1024) {
            throw new DeviceException(threads + " threads: use 1 to 1024, or 0 for one for each core");
        }
    }

    public CpuOptions withThreads(int number) {
        return new CpuOptions(number, arithmetic);
    }

    public CpuOptions withConvolutions(ConvolutionChoice choice) {
        return new CpuOptions(threads, new Arithmetic(choice, arithmetic.precision()));
    }

    public CpuOptions withPrecision(Precision other) {
        return new CpuOptions(threads, new Arithmetic(arithmetic.convolutions(), other));
    }
}
