package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.VirtualGpu;
import duet.device.cuda.Fault.Numbers;
import duet.device.cuda.Fault.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Each wait of a plan on two towers dropped in turn. The checker of plans, which sees no device, tells which are needed; the virtual GPU
 * must report just those, whatever the order in which its streams run.
 */
@Tag("sim")
@VirtualOnly("a card does not see what is not ordered")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class WaitsTest {
    private static final List<String> ORDERS = List.of("fifo", "latest-first", "delay,seed=1", "delay,seed=2", "random,seed=3", "lazy");

    @AfterEach
    void defaults() {
        VirtualGpu.configure("");
        VirtualGpu.reset();
    }

    private static void order(String order) {
        VirtualGpu.configure("");
        VirtualGpu.configure("fail=off,threads=1,counters=off,streams=" + order);
    }

    @Test
    void aWaitThatIsNeededIsMissedInEveryOrder() {
        PlanBed sound = PlanBed.towers();
        assertEquals(List.of(), sound.faults());
        List<PlanBed> faulty = sound.withoutEachWait();
        List<PlanBed> needed = faulty.stream().filter(plan -> !plan.faults().isEmpty()).toList();
        assertTrue(needed.size() >= 20 && needed.size() < faulty.size(), needed.size() + " of " + faulty.size() + " waits are needed");
        int right = 0;
        for (String order : ORDERS) {
            order(order);
            try (Backend backend = Backends.open(PlanBed.TWO_CARDS, 0)) {
                Outcome expected = sound.run(backend);
                assertTrue(expected.clean(), () -> order + ": " + expected);
                for (PlanBed plan : order.equals("fifo") ? faulty : needed) {
                    Outcome outcome = plan.run(backend);
                    assertEquals(needed.contains(plan), outcome.shows("unordered"),
                            () -> order + ": the plan has " + plan.faults() + ", found is " + outcome);
                    right += needed.contains(plan) && Numbers.of(expected, outcome) == Numbers.RIGHT ? 1 : 0;
                }
            }
        }
        int runs = needed.size() * ORDERS.size();
        assertTrue(right > 0 && right < runs, "the results of " + right + " of " + runs + " faulty runs are right");
    }
}
