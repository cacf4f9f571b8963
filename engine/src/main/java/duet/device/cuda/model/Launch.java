package duet.device.cuda.model;

/**
 * A launch of a kernel, as the lowering makes it for a card that need not be there.
 *
 * @param device      index
 * @param layers      such as {@code norm1 + pool1}
 * @param operation   such as {@code ConvolutionForward}; of several that the kernel does, the first
 * @param kernel      name
 * @param blocks      of the grid
 * @param splits      of the sums of a product, else 1
 * @param threads     of a block
 * @param sharedBytes that the launch asks for, beside the kernel's own
 * @param terms       that each result of a product adds, over all splits; 0 for what is no product
 * @param flop        of the operations, if it is a product
 * @param bytes       of device memory: each operand once, partial sums of splits too, as if nothing lay in the L2 cache
 */
public record Launch(
        int device, String layers, String operation, String kernel, long blocks, int splits, int threads, int sharedBytes, int terms,
        long flop, long bytes) {
    /** {@return what it does, in words, such as {@code conv1 + relu1 ConvolutionForward}} */
    public String label() {
        return layers + " " + operation;
    }
}
