package duet.device.cuda.lowering;

import java.lang.foreign.MemorySegment;

import duet.bindings.cuda.kernels.duet_packing;
import duet.bindings.cuda.kernels.duet_unpacking;
import duet.device.ConvolutionGeometry;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.lowering.ProductShape.Pass;

/**
 * A first layer for tensor cores: an image of few channels, {@code stride} x {@code stride} pixels of which become one with a multiple of
 * eight channels, so that the convolution has stride 1 and its numbers lie in whole chunks (see {@code duet_packing} in duet_cuda.h). What
 * is not packed when the input is prepared ({@link PackedInput}) is packed for each pass: images and, forward, filters lie at the
 * beginning of the workspace.
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

    /** Whether the images have the same packed form. */
    boolean sameImage(PackedImage other) {
        return layer.batch() == other.layer.batch() && layer.geometry().equals(other.layer.geometry());
    }

    /** Channels of a packed pixel. */
    int depth() {
        return shape.geometry().channels();
    }

    /** A multiple of 256. */
    long imageBytes() {
        ConvolutionGeometry g = shape.geometry();
        return align((long) shape.batch() * g.height() * g.width() * g.channels() * BF16_BYTES);
    }

    private int filterRows() {
        ConvolutionGeometry g = shape.geometry();
        return g.kernel() * g.kernel() * g.channels();
    }

    /** Where a number of the images lies. */
    interface Pair {
        void at(int plain, int packed);
    }

    /** Visits the numbers of images that are packed; {@return how many there are in the images} */
    int pixels(Pair pair) {
        ConvolutionGeometry from = layer.geometry();
        ConvolutionGeometry to = shape.geometry();
        int line = from.width() * from.channels();
        int row = from.stride() * from.channels();
        for (int y = 0; y < layer.batch() * from.height(); y++) {
            int down = y % from.height() + from.paddingTop();
            for (int x = 0; x < line; x++) {
                int across = x + from.padding() * from.channels();
                if (down / from.stride() < to.height() && across / row < to.width()) {
                    int pixel = (y / from.height() * to.height() + down / from.stride()) * to.width() + across / row;
                    pair.at(y * line + x, pixel * to.channels() + down % from.stride() * row + across % row);
                }
            }
        }
        return layer.batch() * from.height() * line;
    }

    /** Of a packed filter, a multiple of 256. */
    long filterBytes() {
        return align((long) filterRows() * shape.geometry().filters() * BF16_BYTES);
    }

    /**
     * Workspace before the partial sums.
     *
     * @param given what has been packed before; null for nothing
     */
    long bytes(PackedInput given) {
        boolean filter = layer.pass() == Pass.FORWARD && (given == null || given.filter() == null);
        return (given == null ? imageBytes() : 0) + (filter ? filterBytes() : 0);
    }

    private static long align(long bytes) {
        return Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT;
    }

    KernelCall packImage(Site site, long image, long to) {
        MemorySegment p = duet_packing.allocate(site.arena());
        images(p);
        duet_packing.from(p, image);
        duet_packing.to(p, to);
        return call("pack_image_bf16", p, duet_packing.count(p));
    }

    KernelCall packFilter(Site site, long filter, long to) {
        MemorySegment p = duet_packing.allocate(site.arena());
        filters(p, filter, to);
        return call("pack_filter_bf16", p, duet_packing.count(p));
    }

    /** Images, wherever they lie. */
    void images(MemorySegment p) {
        ConvolutionGeometry g = shape.geometry();
        packing(p, 0, 0);
        duet_packing.count(p, Math.toIntExact((long) shape.batch() * g.height() * g.width() * g.channels() / CHUNK));
        Grids.divisor(duet_packing.chunks(p), g.channels() / CHUNK);
        Grids.divisor(duet_packing.packed_width(p), g.width());
        Grids.divisor(duet_packing.packed_height(p), g.height());
    }

    /** The upper plane of a filter. */
    void filters(MemorySegment p, long from, long to) {
        int chunks = shape.geometry().filters() / CHUNK;
        packing(p, from, to);
        duet_packing.count(p, Math.toIntExact((long) filterRows() * chunks));
        Grids.divisor(duet_packing.chunks(p), chunks);
    }

    /**
     * From partial sums of the packed filter's gradient and of the bias's to both, or to what is updated by them.
     *
     * @param biasGradient null for none
     * @param updates      of filter and bias
     */
    KernelCall unpackGradient(Site site, long partial, int splits, Tensor weightGradient, Tensor biasGradient, Fusion updates) {
        int fours = shape.geometry().filters() / 4;
        long count = (long) filterRows() * fours;
        int tail = biasGradient == null ? 0 : fours;
        MemorySegment p = duet_unpacking.allocate(site.arena());
        p.fill((byte) 0);
        MemorySegment packing = duet_unpacking.packing(p);
        packing(packing, partial, Grids.address(site, weightGradient));
        duet_packing.count(packing, Math.toIntExact(count));
        Grids.divisor(duet_packing.chunks(packing), fours);
        duet_unpacking.tail_to(p, Grids.address(site, biasGradient));
        ElementwiseLowering.update(site, updates.update(weightGradient), duet_unpacking.update(p));
        ElementwiseLowering.update(site, biasGradient == null ? null : updates.update(biasGradient), duet_unpacking.tail_update(p));
        duet_unpacking.split_stride(p, shape.splitStride());
        duet_unpacking.splits(p, splits);
        duet_unpacking.tail(p, tail);
        return call("unpack_filter_gradient", p, count + tail);
    }

    private void packing(MemorySegment p, long from, long to) {
        ConvolutionGeometry g = layer.geometry();
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
    }

    private static KernelCall call(String kernel, MemorySegment p, long count) {
        return new KernelCall(kernel, Math.toIntExact(Math.ceilDiv(count, THREADS)), 1, 1, THREADS, 0, p);
    }
}
