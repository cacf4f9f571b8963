package duet.device.cuda.lowering;

/** A form of a product's kernels: what a block of threads computes, and with what. */
interface ProductTile {
    /** How the names of its kernels end. */
    String suffix();

    int rows();

    int columns();

    int threads();

    /** Dynamic shared memory of a block. */
    int sharedBytes();

    /** Whether its kernels copy number by number. */
    default boolean scalar() {
        return suffix().equals("scalar");
    }
}
