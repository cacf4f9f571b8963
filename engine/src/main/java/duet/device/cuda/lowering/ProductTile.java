package duet.device.cuda.lowering;

/** A form of a product's kernels: what a block of threads computes, and with what. */
interface ProductTile {
    int rows();

    int columns();

    int threads();

    /** Dynamic shared memory of a block. */
    int sharedBytes();
}
