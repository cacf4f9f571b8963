package duet.device.cuda.lowering;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

import duet.bindings.cuda.kernels.duet_convolution;
import duet.bindings.cuda.kernels.duet_reduction;
import duet.device.Operation.*;
import duet.device.Precision;
import duet.device.cuda.driver.KernelCall;

/**
 * Both backward passes of a fully connected layer in bf16 and the update of its parameters, in one pass over these: 16 bytes a weight
 * instead of 18, and one launch. A block has some inputs and, where these are too few for all multiprocessors, a part of the outputs;
 * then the input's gradient is a sum of splits, as that of other products.
 *
 * @param splits        of the outputs
 * @param termsPerSplit outputs, a multiple of {@link #SLICE}
 */
record OnePassLowering(ProductShape shape, int splits, int termsPerSplit) {
    static final String KERNEL = "fully_connected_backward_bf16";
    /** Images whose sums a block's registers hold. */
    private static final int MOST_IMAGES = 128;
    /** Inputs of a block. */
    private static final int STRIP = 32;
    /** Outputs that are in shared memory at a time, of {@link #STAGES} buffers. */
    static final int SLICE = 64;
    private static final int STAGES = 2;
    private static final int THREADS = 256;
    /** Copies of 16 bytes need multiples of eight numbers side by side. */
    private static final int CHUNK = 8;
    private static final int BF16_BYTES = 2;
    /** Read and written: both planes and the momentum. */
    private static final int WEIGHT_BYTES = 16;
    /** What an H100's memory gives each of its multiprocessors in a cycle. */
    private static final double MEMORY_BYTES = 11.7;
    /** Of a slice in a block by itself: an estimate. */
    private static final double SLICE_CYCLES = 1800;
    private static final int REDUCE_THREADS = 128;
    private static final int REDUCE_VECTOR = 4;

    /** Whether one kernel can do both: not for more images than registers hold, nor for shapes that are no whole chunks. */
    static boolean serves(CudaLayout layout, FullyConnectedBackwardData data, FullyConnectedBackwardWeights weights) {
        return serves(data, layout.precision()) && weights.outputGradient().equals(data.outputGradient());
    }

    private static boolean serves(FullyConnectedBackwardData data, Precision precision) {
        return precision == Precision.BF16 && data.inputGradient().batch() <= MOST_IMAGES && data.weight().batch() % CHUNK == 0
                && data.weight().elementsPerImage() % CHUNK == 0;
    }

    /** Scratch memory for partial sums, if one pass does both; 0 for none. */
    static long workspaceBytes(FullyConnectedBackwardData data, Precision precision) {
        return serves(data, precision) ? of(data).workspaceBytes() : 0;
    }

    private long workspaceBytes() {
        return splits == 1 ? 0 : splits * shape.splitStride() * Float.BYTES;
    }

    /** A pure function of the shape: the same bits on every card. */
    static OnePassLowering of(FullyConnectedBackwardData data) {
        ProductShape shape = ProductShape.of(data);
        int slices = Math.ceilDiv(shape.terms(), SLICE);
        OnePassLowering best = null;
        for (int wanted = 1; wanted <= slices; wanted++) {
            OnePassLowering one = new OnePassLowering(shape, wanted, Math.ceilDiv(slices, wanted) * SLICE);
            if (Math.ceilDiv(shape.terms(), one.termsPerSplit) == wanted && (best == null || one.cycles() < best.cycles())) {
                best = one;
            }
        }
        return best;
    }

    private int strips() {
        return Math.ceilDiv(shape.columns(), STRIP);
    }

    /** A model, not a measurement, of an H100: memory as far as its multiprocessors ask for it, or the slices of a block. */
    private double cycles() {
        int blocks = strips() * splits;
        double memory = (double) WEIGHT_BYTES * shape.columns() * shape.terms()
                / (MEMORY_BYTES * Math.min(blocks, ProductTiling.MULTIPROCESSORS));
        double slices = (double) termsPerSplit / SLICE * SLICE_CYCLES;
        return Math.max(memory, slices) + ProductTiling.sumsOfSplits(shape, splits, ProductTiling.MULTIPROCESSORS);
    }

    /** Dynamic shared memory of a block. */
    static int sharedBytes() {
        return STAGES * (MOST_IMAGES * SLICE * BF16_BYTES + STRIP * SLICE * WEIGHT_BYTES / 2) + MOST_IMAGES * STRIP * BF16_BYTES;
    }

    /** @param fusion with both passes, the updates, and perhaps the gradients of a ReLU and a dropout */
    static List<KernelCall> lower(Site site, FullyConnectedBackwardData data, Fusion fusion) {
        OnePassLowering l = of(data);
        site.requireWorkspace(data, l.workspaceBytes());
        FullyConnectedBackwardWeights weights = fusion.backwardWeights();
        long mask = fusion.reluBackward() == null ? 0 : Grids.address(site, fusion.reluBackward().output());
        MemorySegment p = duet_convolution.allocate(site.arena());
        p.fill((byte) 0);
        duet_convolution.gathered(p, Grids.address(site, data.outputGradient()));
        duet_convolution.dense(p, Grids.address(site, weights.input()));
        duet_convolution.result(p, l.splits == 1 ? Grids.address(site, data.inputGradient()) : site.workspace());
        duet_convolution.split_stride(p, l.shape.splitStride());
        duet_convolution.rows(p, l.shape.rows());
        duet_convolution.columns(p, l.shape.columns());
        duet_convolution.terms(p, l.shape.terms());
        duet_convolution.terms_per_split(p, l.termsPerSplit);
        duet_convolution.mask(p, mask);
        duet_convolution.mask_scale(p, fusion.maskScale());
        ElementwiseLowering.update(site, fusion.update(weights.weightGradient()), duet_convolution.update(p));
        if (weights.biasGradient() != null) {
            ElementwiseLowering.update(site, fusion.update(weights.biasGradient()), duet_convolution.bias_update(p));
        }
        List<KernelCall> launches = new ArrayList<>();
        launches.add(new KernelCall(KERNEL, l.strips(), 1, l.splits, THREADS, sharedBytes(), p));
        if (l.splits > 1) {
            launches.add(l.sums(site, Grids.address(site, data.inputGradient()), mask, fusion.maskScale()));
        }
        return launches;
    }

    private KernelCall sums(Site site, long result, long mask, float maskScale) {
        MemorySegment p = duet_reduction.allocate(site.arena());
        p.fill((byte) 0);
        duet_reduction.partial(p, site.workspace());
        duet_reduction.result(p, result);
        duet_reduction.mask(p, mask);
        duet_reduction.mask_scale(p, maskScale);
        duet_reduction.split_stride(p, shape.splitStride());
        duet_reduction.elements(p, shape.results());
        Grids.divisor(duet_reduction.channels(p), shape.columns());
        duet_reduction.splits(p, splits);
        long blocks = Math.min(Math.ceilDiv(shape.results() / REDUCE_VECTOR, REDUCE_THREADS), 8L * site.multiprocessors());
        return new KernelCall("product_reduce_bf16", (int) blocks, 1, 1, REDUCE_THREADS, 0, p);
    }
}
