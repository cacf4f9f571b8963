package duet.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongToDoubleFunction;

import org.junit.jupiter.api.Test;

class FlatLossTest {
    private static final double GUESS = Math.log(10);

    /** The steps at which it warned. */
    private static List<Long> warnings(long first, long last, LongToDoubleFunction loss) {
        FlatLoss flat = new FlatLoss(10);
        List<Long> steps = new ArrayList<>();
        for (long step = first; step <= last; step++) {
            if (flat.add(step, loss.applyAsDouble(step)) != null) {
                steps.add(step);
            }
        }
        return steps;
    }

    @Test
    void warnsOnceAfterTheFirstSteps() {
        assertEquals(List.of(200L), warnings(1, 1000, step -> GUESS * (step % 2 == 0 ? 1.05 : 0.95)));
    }

    @Test
    void aNetworkThatLearnsIsLeftAlone() {
        assertEquals(List.of(), warnings(1, 1000, step -> GUESS - step * 0.001));
        assertEquals(List.of(), warnings(1, 1000, step -> GUESS * 1.02));
    }

    @Test
    void needsAHundredLossesOfItsOwnAfterResuming() {
        assertEquals(List.of(1099L), warnings(1000, 2000, step -> GUESS));
    }

    @Test
    void alsoWhenItFallsBackLater() {
        List<Long> steps = warnings(1, 2000, step -> step < 500 ? 1 : GUESS);
        assertEquals(1, steps.size());
        assertTrue(steps.getFirst() >= 590 && steps.getFirst() <= 600, steps.toString());
    }

    @Test
    void saysWhatToTry() {
        FlatLoss flat = new FlatLoss(10);
        String warning = null;
        for (int step = 1; step <= 200; step++) {
            assertNull(warning);
            warning = flat.add(step, GUESS);
        }
        assertTrue(warning.startsWith("after 200 steps the loss still sits at ln(10) = 2.303"), warning);
        assertTrue(warning.contains("HE initialization") && warning.contains("learning rate") && warning.contains("biases"), warning);
    }
}
