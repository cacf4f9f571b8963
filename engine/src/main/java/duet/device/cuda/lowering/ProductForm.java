package duet.device.cuda.lowering;

import duet.device.Operation.Dropout;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.Product;
import duet.device.Precision;
import duet.device.cuda.lowering.ProductShape.Pass;

/**
 * What a product multiplies, and how it is cut into blocks of threads.
 *
 * @param packed null for operands as they are
 * @param given  what is packed already; null for nothing
 * @param shape  of the product of operands in this form
 */
record ProductForm(PackedImage packed, PackedInput given, ProductShape shape, ProductTiling tiling) {
    static ProductForm of(Product operation, int multiprocessors, CudaLayout layout) {
        ProductShape plain = ProductShape.of(operation);
        PackedImage packed = layout.precision() == Precision.BF16 ? PackedImage.of(plain) : null;
        PackedInput given = packed == null ? null : layout.packedInput(operation.reads().getFirst());
        ProductShape shape = packed != null ? packed.shape() : plain;
        ProductTiling tiling = switch (layout.precision()) {
            case BF16 -> TensorTiling.of(shape);
            case BF16X3, BF16X6 -> SplitTiling.of(shape, layout.precision());
            default -> ProductTiling.of(shape, multiprocessors);
        };
        return new ProductForm(packed, given, shape, tiling);
    }

    /** Terms of the sums as they are computed, with those that are zero by form. */
    static int terms(Product operation, CudaLayout layout) {
        return of(operation, 1, layout).shape().terms();
    }

    /** Whether a layer's results leave a sum of splits, in fours as the dropout of them numbers them. */
    static boolean drops(CudaLayout layout, FullyConnectedForward o, Dropout dropout) {
        return of(o, layout.multiprocessors(o.output().device()), layout).tiling().splits() > 1 && o.output().channels() % 4 == 0
                && ElementwiseLowering.dropsInFours(dropout);
    }

    /** Whether the product's kernel writes the result itself, not partial sums. */
    boolean direct() {
        return tiling.splits() == 1 && (packed == null || shape.pass() != Pass.WEIGHTS);
    }

    /** Scratch memory for packed operands and partial sums; 0 for none. */
    long workspaceBytes() {
        return packed == null ? tiling.workspaceBytes(shape) : packed.bytes(given) + (direct() ? 0 : tiling.partialBytes(shape));
    }

    /** Where partial sums are. */
    long partial(Site site) {
        return site.workspace() + (packed == null ? 0 : packed.bytes(given));
    }
}
