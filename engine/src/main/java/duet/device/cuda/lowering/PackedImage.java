package duet.device.cuda.lowering;

import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.kernels.duet_packing;
import duet.device.ConvolutionGeometry;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.lowering.ProductShape.Pass;

/**
 * A first layer for tensor cores: an image of few channels, {@code stride} x {@code stride} pixels of which become one with a multiple of
 * eight channels, so that the convolution has stride 1 and its numbers lie in whole chunks (see {@code duet_packing} in duet_cuda.h). The
 * packed images and, forward, filters lie at the beginning of the workspace.
 *
 * @param layer as the network has it
 * @param shape of the product of packed operands
 */
record PackedImage(ProductShape layer, ProductShape shape) {
    private static final int CHUNK = 8;
    private static final int BF16_BYTES = 2;
    private static final int THREADS = 128;
    private static final int ALIGNMENT = 256;

    /** {@return the packed form of a pass, or null where it has none or needs none} */
    static PackedImage of(ProductShape layer) {
        ConvolutionGeometry g = layer.geometry();
        int taps = Math.ceilDiv(g.kernel(), g.stride());
        boolean image = g.kernel() > 1 && g.groups() == 1 && g.channels() < CHUNK && g.filters() % CHUNK == 0;
        if (layer.pass() == Pass.DATA || !image) {
            return null;
        }
        ConvolutionGeometry packed = new ConvolutionGeometry(Math.ceilDiv(g.stride() * g.stride() * g.channels(), CHUNK) * CHUNK,
                g.outputHeight() + taps - 1, g.outputWidth() + taps - 1, g.filters(), taps, 1, 0, 1, g.outputHeight(), g.outputWidth());
        return new PackedImage(layer, new ProductShape(layer.pass(), layer.layer(), packed, layer.batch(), layer.biasTerms()));
    }

    private long imageBytes() {
        ConvolutionGeometry g = shape.geometry();
        return align((long) shape.batch() * g.height() * g.width() * g.channels() * BF16_BYTES);
    }

    private int filterRows() {
        ConvolutionGeometry g = shape.geometry();
        return g.kernel() * g.kernel() * g.channels();
    }

    /** Workspace before the partial sums. */
    long bytes() {
        return imageBytes() + (layer.pass() == Pass.FORWARD ? align((long) filterRows() * shape.geometry().filters() * BF16_BYTES) : 0);
    }

    private static long align(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    /** Where the packed filter lies in the workspace. */
    long filter(Site site) {
        return site.workspace() + imageBytes();
    }

    KernelCall packImage(Site site, long image) {
        ConvolutionGeometry g = shape.geometry();
        MemorySegment p = packing(site, image, site.workspace());
        Grids.divisor(duet_packing.chunks(p), g.channels() / CHUNK);
        Grids.divisor(duet_packing.packed_width(p), g.width());
        Grids.divisor(duet_packing.packed_height(p), g.height());
        return call("pack_image_bf16", p, (long) shape.batch() * g.height() * g.width() * g.channels() / CHUNK, 0);
    }

    KernelCall packFilter(Site site, long filter) {
        MemorySegment p = packing(site, filter, filter(site));
        Grids.divisor(duet_packing.chunks(p), shape.geometry().filters() / CHUNK);
        return call("pack_filter_bf16", p, (long) filterRows() * shape.geometry().filters() / CHUNK, 0);
    }

    /** From partial sums of the packed filter's gradient and of the bias's, to both. */
    KernelCall unpackGradient(Site site, long partial, int splits, long weightGradient, long biasGradient) {
        int fours = shape.geometry().filters() / 4;
        MemorySegment p = packing(site, partial, weightGradient);
        duet_packing.tail_to(p, biasGradient);
        duet_packing.split_stride(p, shape.splitStride());
        duet_packing.splits(p, splits);
        Grids.divisor(duet_packing.chunks(p), fours);
        return call("unpack_filter_gradient", p, (long) filterRows() * fours, biasGradient == 0 ? 0 : fours);
    }

    private MemorySegment packing(Site site, long from, long to) {
        ConvolutionGeometry g = layer.geometry();
        MemorySegment p = duet_packing.allocate(site.arena());
        p.fill((byte) 0);
        duet_packing.from(p, from);
        duet_packing.to(p, to);
        duet_packing.stride(p, g.stride());
        duet_packing.kernel(p, g.kernel());
        duet_packing.height(p, g.height());
        duet_packing.width(p, g.width());
        duet_packing.channels(p, g.channels());
        duet_packing.padding_top(p, g.paddingTop());
        duet_packing.padding(p, g.padding());
        Grids.divisor(duet_packing.row(p), g.stride() * g.channels());
        Grids.divisor(duet_packing.depth(p), shape.geometry().channels());
        Grids.divisor(duet_packing.taps(p), shape.geometry().kernel());
        return p;
    }

    private static KernelCall call(String kernel, MemorySegment p, long count, int more) {
        duet_packing.count(p, Math.toIntExact(count));
        return new KernelCall(kernel, Math.toIntExact(Math.ceilDiv(count + more, THREADS)), 1, 1, THREADS, 0, p);
    }
}
