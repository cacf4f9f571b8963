package duet.device.cuda.model;

import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How the blocks of a product's kernel cut it: what a block computes and what it copies to shared memory in a step of its main loop.
 *
 * @param kernels   a regular expression for their names
 * @param unit      what multiplies
 * @param rows      of a block's results
 * @param columns   of a block's results
 * @param terms     of the sums that a step adds, which lie in shared memory at a time
 * @param bytes     of a factor in shared memory
 * @param wideLoad  cycles of a 16-byte load from shared memory by a warp: 4, or 2 where lanes i and i ^ 1 or i and i ^ 2 read the same
 *                  address (NVIDIA staff on compute capability 7.x), on average
 * @param multicast blocks of a cluster that share the columns' operand
 * @param products  in bf16 for one of floats: 3 or 6 with factors that are split, else 1
 * @param resident  whether the rows' operand stays in shared memory for many steps: then a step copies what the machine code copies
 * @param passes    of a layer that it does at once: 2 with the factors of one for both gradients of a fully connected layer, else 1
 * @param besides   bytes that a step copies to shared memory beside the factors
 */
public record Tile(
        String kernels, Unit unit, int rows, int columns, int terms, int bytes, double wideLoad, int multicast, int products,
        boolean resident, int passes, int besides) {
    /**
     * What multiplies.
     */
    public enum Unit {
        /** Multiply-adds of a warp's instruction: one a lane. */
        FFMA(32),
        /** mma.sync m16n8k16 of bf16; its stall count is its interval (6 on sm_90: 2/3 of wgmma's rate). */
        HMMA(16 * 8 * 16),
        /** wgmma m64nNk16 of bf16, copies by other warps than those that multiply. */
        WGMMA(0);

        final int multiplyAdds;

        Unit(int multiplyAdds) {
            this.multiplyAdds = multiplyAdds;
        }
    }

    /** Threads of a warp. */
    private static final int LANES = 32;
    /** Terms of a wgmma in bf16, its rows, its most columns. */
    private static final int WGMMA_TERMS = 16;
    private static final int WGMMA_ROWS = 64;
    private static final int WGMMA_COLUMNS = 256;

    /** Lanes 8 down and 4 across: loads of rows agree in pairs, those of columns do not. With 16 down and 2 across all do. */
    private static final double LANES_8_BY_4 = 3;
    private static final double LANES_16_BY_2 = 2;

    /** The kernels of native/cuda. A new one that is a product is a line here. */
    private static final List<Tile> TILES = List.of(
            resident("convolution_.*_bf16_resident_256x64", 256, 64),
            resident("convolution_.*_bf16_resident_256x48", 256, 48),
            resident("convolution_.*_bf16_resident_192x64", 192, 64),
            onePass("fully_connected_backward_bf16", 128, 32, 64),
            hmma("convolution_.*_bf16_256x128", 256, 128), hmma("convolution_.*_bf16_128x192", 128, 192),
            hmma("convolution_.*_bf16_128x128", 128, 128), hmma("convolution_.*_bf16_256x96", 256, 96),
            hmma("convolution_.*_bf16_128x96", 128, 96), hmma("convolution_.*_bf16_256x48", 256, 48),
            hmma("convolution_.*_bf16_128x48", 128, 48), hmma("convolution_.*_bf16_(128x64|scalar)", 128, 64),
            split("convolution_.*_bf16x3_128x96", 128, 96, 3), split("convolution_.*_bf16x6_128x96", 128, 96, 6),
            split("convolution_.*_bf16x3_96x128", 96, 128, 3), split("convolution_.*_bf16x6_96x128", 96, 128, 6),
            split("convolution_.*_bf16x3_256x48", 256, 48, 3), split("convolution_.*_bf16x6_256x48", 256, 48, 6),
            split("convolution_.*_bf16x3_image_96x96", 96, 96, 3), split("convolution_.*_bf16x6_image_96x96", 96, 96, 6),
            split("convolution_.*_bf16x3_image_128x48", 128, 48, 3), split("convolution_.*_bf16x6_image_128x48", 128, 48, 6),
            split("convolution_.*_bf16x3_(64x64|scalar)", 64, 64, 3), split("convolution_.*_bf16x6_(64x64|scalar)", 64, 64, 6),
            ffma("convolution_.*_128x128", 128, 128, LANES_8_BY_4),
            ffma("convolution_.*_128x96", 128, 96, LANES_8_BY_4),
            ffma("convolution_.*_128x64", 128, 64, LANES_8_BY_4),
            ffma("convolution_.*_128x48", 128, 48, LANES_16_BY_2),
            ffma("convolution_.*_(64x64|scalar)", 64, 64, LANES_8_BY_4));

    /** {@return the tile of a kernel; empty for kernels that are no product} */
    public static Optional<Tile> of(String kernel) {
        return TILES.stream().filter(tile -> kernel.matches(tile.kernels)).findFirst();
    }

    private static Tile ffma(String kernels, int rows, int columns, double wideLoad) {
        return new Tile(kernels, Unit.FFMA, rows, columns, 16, 4, wideLoad, 1, 1, false, 1, 0);
    }

    /** Floats in shared memory, which each warp splits into numbers of bf16 for mma.sync. */
    private static Tile split(String kernels, int rows, int columns, int products) {
        return new Tile(kernels, Unit.HMMA, rows, columns, 16, 4, 4, 1, products, false, 1, 0);
    }

    /** mma.sync in bf16, read by ldmatrix, in slices of 32 terms; the 16-byte loads are of windows, one for four lanes or more. */
    private static Tile hmma(String kernels, int rows, int columns) {
        return new Tile(kernels, Unit.HMMA, rows, columns, 32, 2, 2, 1, 1, false, 1, 0);
    }

    /** The same whose rows are read from a window that stays (tensor_resident.cuh). */
    private static Tile resident(String kernels, int rows, int columns) {
        return new Tile(kernels, Unit.HMMA, rows, columns, 32, 2, 2, 1, 1, true, 1, 0);
    }

    /** mma.sync in bf16 for both gradients of a fully connected layer; the weights' lower planes and momentum come along for the update. */
    private static Tile onePass(String kernels, int rows, int columns, int terms) {
        return new Tile(kernels, Unit.HMMA, rows, columns, terms, 2, 4, 1, 1, false, 2, columns * terms * 6);
    }

    /** mma.sync in bf16, read by ldmatrix. */
    static Tile hmma(String kernels, int rows, int columns, int terms) {
        return new Tile(kernels, Unit.HMMA, rows, columns, terms, 2, 4, 1, 1, false, 1, 0);
    }

    /** wgmma in bf16. */
    static Tile wgmma(String kernels, int rows, int columns, int terms, int multicast) {
        return new Tile(kernels, Unit.WGMMA, rows, columns, terms, 2, 4, multicast, 1, false, 1, 0);
    }

    double multiplyAdds() {
        return (double) rows * columns * terms * products * passes;
    }

    /** Turns of the main loop, for each warp, that are a step. */
    double turns(Mix turn, int warps) {
        return multiplyAdds() / ((unit == Unit.FFMA ? turn.ffma() : turn.hmma()) * unit.multiplyAdds * warps);
    }

    /** Cycles between the last step of a block and the first one of the next: an estimate. */
    double ends() {
        return unit == Unit.WGMMA ? 600 : 2500;
    }

    /**
     * Cycles of a multiprocessor that a step of one block takes in each of its parts; they work side by side, so that the largest binds.
     *
     * @param step what a warp issues
     */
    Map<Term, Double> cycles(Card card, Mix step, int warps) {
        Map<Term, Double> cycles = new EnumMap<>(Term.class);
        double share = (double) warps / Card.SCHEDULERS;
        double copied = resident ? step.copyBytes() * LANES * warps : (double) (rows + columns) * terms * bytes + besides;
        double read = warps * (step.wideLoads() * wideLoad + step.sharedCycles());
        cycles.put(Term.ISSUE, (step.instructions() + step.conflicts()) * share);
        switch (unit) {
            case FFMA -> cycles.put(Term.FFMA, (step.ffma() + step.conflicts()) * share);
            case HMMA -> cycles.put(Term.TENSOR, step.hmmaCycles() * share);
            case WGMMA -> {
                cycles.put(Term.TENSOR, multiplyAdds() / Card.WGMMA_RATE);
                read = wgmmaReads();
            }
        }
        if (unit != Unit.FFMA) {
            cycles.put(Term.POWER, multiplyAdds() / card.sustainedTensorRate());
        }
        cycles.put(Term.SHARED, read + copied / 128);
        double drawn = resident ? copied : (rows + (double) columns / multicast) * terms * bytes + besides;
        cycles.put(Term.L2, drawn * card.multiprocessors() / card.l2BytesPerCycle());
        return cycles;
    }

    /** Each instruction reads 64 rows and up to 256 columns of 16 terms. */
    private double wgmmaReads() {
        double across = Math.ceilDiv(columns, WGMMA_COLUMNS);
        double instructions = (double) rows / WGMMA_ROWS * across * terms / WGMMA_TERMS;
        return instructions * (WGMMA_ROWS + columns / across) * WGMMA_TERMS * bytes / 128;
    }

    /** The share of a card's time in which warps find work: the more warps a scheduler has, the better they hide each other's waiting. */
    double hiding(double warpsOfScheduler) {
        return unit == Unit.WGMMA ? 1 : hidden(warpsOfScheduler);
    }

    /** The same where warps do all themselves. */
    static double hidden(double warpsOfScheduler) {
        return warpsOfScheduler / (warpsOfScheduler + 0.55);
    }
}
