package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;

import org.junit.jupiter.api.Test;

import duet.device.Backend;
import duet.plan.Placement;

/** The same network under any placement computes the same function. */
class PlacementTest {
    private record Run(List<Metrics> steps, Checkpoint end) {}

    private static Run run(Placement placement) {
        Recorder recorder = new Recorder();
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(), Tiny.options().withSteps(20))) {
            trainer.train(recorder);
            return new Run(recorder.steps, trainer.snapshot());
        }
    }

    @Test
    void twentyStepsUnderEachPlacement() {
        Run one = run(Placement.ONE_DEVICE);
        Run two = run(Placement.TWO_TOWERS);
        assertEquals(20, two.steps().size());
        for (int i = 0; i < 20; i++) {
            double expected = one.steps().get(i).loss();
            assertEquals(expected, two.steps().get(i).loss(), 1e-4 * expected, "step " + (i + 1));
        }
        one.end().tensors().forEach((name, values) -> assertArrayEquals(values, two.end().tensors().get(name), 1e-4f, name));
    }

    /** Parameters go to parts on two devices and come back whole. */
    @Test
    void resumedUnderAnotherPlacement() {
        Run one = run(Placement.ONE_DEVICE);
        List<Checkpoint> passed = new ArrayList<>();
        try (Backend backend = Tiny.backend(2); Trainer trainer = Trainer.resume(
                one.end(), Placement.TWO_TOWERS, backend, Tiny.data(), Tiny.options().withSteps(20))) {
            passed.add(trainer.snapshot());
        }
        one.end().tensors().forEach((name, values) -> assertArrayEquals(values, passed.getFirst().tensors().get(name), name));
    }
}
