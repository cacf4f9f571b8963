package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import org.junit.jupiter.api.Test;

class PlanTest {
    private static String plan(String options) {
        Outcome outcome = Outcome.of(("plan --net alexnet-small --batch 64 --devices cpu --threads 1 " + options).split(" +"));
        assertEquals(0, outcome.code(), outcome.toString());
        return outcome.out();
    }

    /** What is done with each layer, not what was asked for: the first one's single channel makes no pairs. */
    @Test
    void howLayersAreComputedIsShown() {
        String single = plan("--convolutions winograd");
        assertTrue(single.contains("Winograd's form") && single.contains("direct sums") && !single.contains("bf16"), single);
        String rounded = plan("--convolutions winograd --precision bf16-everywhere");
        assertTrue(rounded.contains("Winograd's form in bf16"), rounded);
        assertTrue(rounded.lines().anyMatch(line -> line.contains("fc6 ") && line.contains("bf16")), rounded);
        String direct = plan("--convolutions direct --precision bf16-everywhere");
        assertTrue(direct.contains("direct sums in bf16") && !direct.contains("Winograd"), direct);
    }

    @Test
    void preparedFiltersAreCounted() {
        assertTrue(plan("--mode forward --precision bf16-everywhere").contains("\n  prepared   "));
        assertFalse(plan("--mode train --precision bf16-everywhere").contains("\n  prepared   "));
    }

    /** On CUDA devices maps in bf16 take half of the bytes, for the planner and for the checker. */
    @Test
    void aPlanInBf16IsCheckedByItsOwnSizes() {
        Outcome outcome = Outcome.of("plan", "--net", "alexnet-small", "--devices", "virtual:0", "--precision", "bf16");
        assumeFalse(outcome.err().contains("no CUDA kernels"), "this build has no CUDA kernels");
        assertEquals(0, outcome.code(), outcome.toString());
        assertTrue(outcome.out().contains("The plan is sound"), outcome.out());
    }
}
