package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.VirtualGpu;
import duet.device.cuda.Fault.Outcome;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * The virtual GPU's checks find faults: each of a list of seeded ones must be reported by the check that is meant for it, be missed when
 * that check is switched off, and be absent from the same work without the fault. The lists say whether results alone would have told.
 */
@Tag("sim")
@VirtualOnly("a card checks none of this")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class FaultsTest {
    /** Warps turn by turn and streams in order: what a schedule that is kind to the fault computes. */
    private static final String SETTINGS = "budget=200000,fail=off,threads=1";

    @AfterEach
    void defaults() {
        settings("");
    }

    private static void settings(String settings) {
        VirtualGpu.configure("");
        VirtualGpu.configure(settings);
        VirtualGpu.reset();
    }

    @TestFactory
    Stream<DynamicTest> kernels() {
        return tests(KernelFaults.list());
    }

    @TestFactory
    Stream<DynamicTest> host() {
        return tests(HostFaults.list());
    }

    @TestFactory
    Stream<DynamicTest> plansOnTwoCards() {
        return plans(PlanBed.TWO_CARDS, "two cards");
    }

    @TestFactory
    Stream<DynamicTest> plansOnOneCard() {
        return plans(PlanBed.ONE_CARD, "one card");
    }

    private static Stream<DynamicTest> plans(String devices, String where) {
        settings(SETTINGS);
        Backend backend = Backends.open(devices, 0);
        return tests(PlanFaults.list(backend, where)).onClose(backend::close);
    }

    private static Stream<DynamicTest> tests(List<Fault> faults) {
        return faults.stream().map(fault -> DynamicTest.dynamicTest(
                fault.name() + " (" + fault.sign() + ", numbers " + fault.numbers().name().toLowerCase() + ")", () -> check(fault)));
    }

    private static void check(Fault fault) {
        settings(SETTINGS);
        Outcome sound = fault.sound().get();
        assertTrue(sound.clean(), () -> "without the fault: " + sound);
        Outcome faulty = fault.faulty().get();
        if (fault.sign() == null) {
            assertTrue(faulty.clean(), faulty::toString);
        } else {
            assertTrue(faulty.shows(fault.sign()), () -> fault.sign() + " is not among: " + faulty);
        }
        assertEquals(fault.numbers(), Fault.Numbers.of(sound, faulty), faulty::toString);
        if (fault.offSwitch() != null) {
            settings(SETTINGS + "," + fault.offSwitch());
            Outcome unchecked = fault.faulty().get();
            assertFalse(unchecked.shows(fault.sign()), () -> "with " + fault.offSwitch() + ": " + unchecked);
        }
    }
}
