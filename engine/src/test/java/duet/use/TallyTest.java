package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;

import org.junit.jupiter.api.Test;

class TallyTest {
    @Test
    void countsBatches() {
        Evaluation.Tally tally = new Evaluation.Tally(List.of("a", "b", "c"), 0);
        tally.add(0, new int[] {0, -1, 2}, new float[] {0.6f, 0.3f, 0.1f, 0, 0, 1, 0.4f, 0.4f, 0.2f});
        tally.add(3, new int[] {2, 1}, new float[] {0.1f, 0.1f, 0.8f, 0.1f, 0.2f, 0.7f, 9, 9, 9});
        Evaluation evaluation = tally.result();
        assertArrayEquals(new int[][] {{1, 0, 0}, {0, 0, 1}, {1, 0, 1}}, evaluation.confusion(), "among equals the first");
        assertEquals(4, evaluation.images());
        assertEquals(0.5, evaluation.top1());
        assertEquals(-(Math.log(0.6f) + Math.log(0.2f) + Math.log(0.8f) + Math.log(0.2f)) / 4, evaluation.loss(), 1e-6);
    }
}
