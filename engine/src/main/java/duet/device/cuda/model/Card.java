package duet.device.cuda.model;

/**
 * What the model knows of a card.
 *
 * @param multiprocessors  that the launch may use
 * @param gigahertz        of the multiprocessors under load
 * @param tensorTeraflops  what its tensor cores sustain in bf16, where power is the limit
 * @param memoryTerabytes  what a copy reaches, read and written bytes together, a second
 * @param l2BytesPerCycle  all multiprocessors together
 * @param registers        of a multiprocessor
 * @param sharedBytes      of a multiprocessor
 * @param threads          of a multiprocessor
 */
public record Card(
        int multiprocessors, double gigahertz, double tensorTeraflops, double memoryTerabytes, double l2BytesPerCycle, int registers,
        int sharedBytes, int threads) {
    /** Schedulers of a multiprocessor; each issues an instruction of a warp a cycle, and has its own FFMA lanes and tensor core. */
    static final int SCHEDULERS = 4;
    /** Multiply-adds a cycle that the FFMA lanes of a multiprocessor do. */
    static final int FFMA_LANES = 128;
    /** Multiply-adds a cycle of wgmma in bf16: 64 x n x 16 in n / 2 cycles. */
    static final int WGMMA_RATE = 2048;

    /**
     * An H100 with 80 GB. Clock, tensor cores and memory as measured by others under load; L2 is the least that a published kernel must
     * have drawn (192 x 192 tiles of a product of 8192 x 8192 x 8192 at 778 TFLOP/s: 8.23 TB/s).
     */
    public static final Card H100 = new Card(132, 1.755, 798, 3.0, 35.5 * 132, 65536, 228 << 10, 2048);

    /** The same card for a launch that uses some of its multiprocessors: power, memory and L2 are for these alone. */
    Card with(int used) {
        return new Card(used, gigahertz, tensorTeraflops, memoryTerabytes, l2BytesPerCycle, registers, sharedBytes, threads);
    }

    /** Multiply-adds a cycle and multiprocessor at which power ends it. */
    double sustainedTensorRate() {
        return tensorTeraflops * 1e3 / (2 * multiprocessors * gigahertz);
    }

    double microseconds(double cycles) {
        return cycles / (gigahertz * 1e3);
    }

    double memoryMicroseconds(double bytes) {
        return bytes / (memoryTerabytes * 1e6);
    }
}
