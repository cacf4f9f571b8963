package duet.device.cuda.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Comparator;
import java.util.List;
import java.util.Map;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The static model against kernels that others have written and measured: what it is worth. Independent of its constants are the intervals
 * of mma.sync, the ratio of two tiles, the waves of fast.cu's kernel 6 and the steps of the SGEMM. Not independent: the rates of kernels 7
 * and 11 confirm little but the measured rate that power allows, and the L2 constant is kernel 6's own traffic. Kernels that wait are not
 * forecast: for them the model is an upper bound. Known to be missed: larger warp tiles on an RTX PRO 6000 (178 to 243 TFLOP/s; latency).
 */
class PublishedKernelTest {
    private static final Card A100 = new Card(108, 1.41, 312, 1.5, 35.5 * 108, 65536, 164 << 10, 2048);
    private static final int WARPS = 8;

    private static double most(Map<Term, Double> cycles) {
        return cycles.values().stream().max(Comparator.naturalOrder()).orElseThrow();
    }

    /** 128 x 128 results and 32 terms a step, in eight warps: 32 instructions of 2048 multiply-adds each. */
    private static double tensorRate(Card card, int interval) {
        Tile tile = Tile.hmma("", 128, 128, 32);
        Mix step = new Mix(32, 0, 0, 32, 32.0 * interval, 0, 0, 0, 0);
        return tile.multiplyAdds() / tile.cycles(card, step, WARPS).get(Term.TENSOR);
    }

    /** NVIDIA gives 312 TFLOP/s in bf16 for an A100; ptxas's stall count there is 8. Independent. */
    @Test
    void peakOfAmpere() {
        assertEquals(312, tensorRate(A100, 8) * 2 * 108 * 1.41e-3, 0.01 * 312);
    }

    /** mma.sync reaches 62.9 % of an H100's peak on average (arXiv 2501.12084), 63 to 65 % elsewhere; the stall count is 6. Independent. */
    @Test
    void instructionsOfAmpereOnHopper() {
        double share = tensorRate(Card.H100, 6) / Card.WGMMA_RATE;
        assertTrue(share >= 0.629 && share <= 1.06 * 0.629 + 1e-3, () -> "share " + share);
    }

    /** A study with CuTe, TF32: 238.2 TFLOP/s with tiles of 128 x 128, 300.9 with 128 x 256. Bytes are the same in bf16. Independent. */
    @Test
    void smallTilesWaitForSharedMemory() {
        Map<Term, Double> small = Tile.wgmma("", 128, 128, 64, 1).cycles(Card.H100, Mix.NOTHING, 12);
        Map<Term, Double> large = Tile.wgmma("", 128, 256, 64, 1).cycles(Card.H100, Mix.NOTHING, 12);
        assertEquals(640, small.get(Term.SHARED));
        assertEquals(512, small.get(Term.TENSOR));
        assertEquals(1024, large.get(Term.SHARED));
        double ratio = large.get(Term.SHARED) / 2 / small.get(Term.SHARED);
        assertEquals(238.2 / 300.9, ratio, 0.02 * ratio);
    }

    private static double fastCu(int size, int rows, int columns, int multicast) {
        long tiles = (long) Math.ceilDiv(size, rows) * Math.ceilDiv(size, columns);
        Launch launch = new Launch(0, "product", "", "", tiles, 1, 384, 0, size, 2L * size * size * size, 3L * 2 * size * size);
        // The program launches 128 persistent blocks; each takes one tile after the other.
        KernelModel model = new KernelModel(Card.H100.with(128), List.of());
        Forecast forecast = model.product(launch, Tile.wgmma("", rows, columns, 64, multicast), Mix.NOTHING, 1);
        return launch.flop() / forecast.microseconds() * 1e-6;
    }

    /** github.com/pranjalssh/fast.cu, bf16 products of square matrices on an H100: TFLOP/s, and by how much the model may be off. */
    @ParameterizedTest
    @CsvSource({
            "6, 8192, 192, 192, 1, 778, 0.05", "6, 6144, 192, 192, 1, 766, 0.05",
            "7, 8192, 128, 256, 2, 799, 0.03", "7, 6144, 128, 256, 2, 774, 0.03",
            "11, 8192, 128, 256, 2, 808, 0.03", "11, 6144, 128, 256, 2, 795, 0.03"})
    void engineeredProducts(int kernel, int size, int rows, int columns, int multicast, double published, double off) {
        double forecast = fastCu(size, rows, columns, multicast);
        assertEquals(published, forecast, off * published, () -> "kernel " + kernel + ": " + forecast);
    }

    /** The same program's kernels 4 (no barriers in memory) and 2 (loads that do not overlap), CUTLASS by default: an upper bound. */
    @ParameterizedTest
    @CsvSource({"635", "488", "641"})
    void productsThatWaitAreBelow(double published) {
        assertTrue(fastCu(8192, 128, 256, 2) > published);
    }

    /**
     * SGEMM on an A6000 (github.com/siboehm/SGEMM_CUDA), tiles of 128 x 128 in 256 threads, 8 terms a step: kernels 5 and 6 against 10,
     * 16.0, 18.2 and 21.8 TFLOP/s. By term, a warp of 5 and 6 loads four 16-byte columns of which the second bank conflicts: 2 loads at 8
     * cycles; rows one by one (5: 8 cycles) or in fours (6: 2 loads at 2 cycles). Kernel 10 issues 72 instructions for 64 FFMA.
     * Independent.
     */
    @ParameterizedTest
    @CsvSource({"16.0, 24", "18.2, 20"})
    void sharedMemoryOfSgemm(double published, double cyclesByTerm) {
        Tile tile = new Tile("", Tile.Unit.FFMA, 128, 128, 8, 4, 4, 1, 1, false, 1, 0);
        double slow = most(tile.cycles(Card.H100, new Mix(72, 64, 0, 0, 0, 0, cyclesByTerm, 0, 0).times(8), WARPS));
        double fast = most(tile.cycles(Card.H100, new Mix(72, 64, 0, 0, 0, 0, 8, 0, 0).times(8), WARPS));
        assertEquals(published / 21.8, fast / slow, 0.03 * fast / slow);
    }
}
