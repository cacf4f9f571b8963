package duet.device;

/**
 * How devices compute. Of the other kinds than the CPU the precision alone counts; they refuse the one that they lack.
 *
 * @param threads    of CPU devices in all, 1 to 1024, shared out among them; 0 for one for each core
 * @param arithmetic of convolutions and fully connected layers
 */
public record CpuOptions(int threads, Arithmetic arithmetic) {
    /** All of the machine, each convolution in what is likely to be the fastest way, float. */
    public static final CpuOptions DEFAULT = new CpuOptions(0, Arithmetic.DEFAULT);

    /** Throws a {@link DeviceException} unless there are 0 to 1024 threads. */
    public CpuOptions {
        if (threads < 0 || threads > 1024) {
            throw new DeviceException(threads + " threads: use 1 to 1024, or 0 for one for each core");
        }
    }

    /**
     * {@return these options with another number of threads}
     *
     * @param number in all, 0 to 1024
     */
    public CpuOptions withThreads(int number) {
        return new CpuOptions(number, arithmetic);
    }

    /**
     * {@return these options with another way to compute convolutions}
     *
     * @param choice the way
     */
    public CpuOptions withConvolutions(ConvolutionChoice choice) {
        return new CpuOptions(threads, new Arithmetic(choice, arithmetic.precision()));
    }

    /**
     * {@return these options with another precision}
     *
     * @param other of the products
     */
    public CpuOptions withPrecision(Precision other) {
        return new CpuOptions(threads, new Arithmetic(arithmetic.convolutions(), other));
    }
}
