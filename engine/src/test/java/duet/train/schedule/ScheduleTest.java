package duet.train.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.reflect.RecordComponent;
import java.nio.file.Path;
import java.util.List;

import duet.data.Augmentation;
import duet.data.Mean;
import duet.device.Arithmetic;
import duet.train.Tiny;
import org.junit.jupiter.api.Test;

/** Epochs, learning rates and the plateau policy: what follows from a TrainingState. */
class ScheduleTest {
    private static TrainingState state(TrainingOptions options, int images) {
        return TrainingState.initial(options, "test", images, Arithmetic.DEFAULT, null);
    }

    private static TrainingState after(TrainingState state, long steps) {
        for (long i = 0; i < steps; i++) {
            state = state.stepped();
        }
        return state;
    }

    @Test
    void epochsNeedNotBeWholeNumbersOfBatches() {
        TrainingState state = state(Tiny.options(), 44);
        assertEquals(22, state.lastStep());
        StringBuilder ends = new StringBuilder();
        for (int step = 1; step <= 22; step++) {
            state = state.stepped();
            ends.append(state.atEpochEnd() ? "|" : ".");
        }
        assertEquals(".....|....|.....|....|", ends.toString());
        assertEquals(4.0, state.epoch(22));
        assertEquals(60, state(Tiny.options().toBuilder().steps(60).build(), 44).lastStep());
        assertEquals(1, state(Tiny.options().toBuilder().epochs(1).batch(100).build(), 44).lastStep());
        assertTrue(after(state(Tiny.options().toBuilder().batch(100).build(), 44), 1).atEpochEnd());
        assertFalse(state(Tiny.options(), 44).atEpochEnd());
    }

    @Test
    void ratesInSteps() {
        TrainingState state = state(Tiny.options().toBuilder().batch(4).learningRate(new LearningRate.Steps(0.8, 1.5, 0.5)).build(), 40);
        assertEquals(0.8, state.learningRate(0));
        assertEquals(0.8, state.learningRate(14));
        assertEquals(0.4, state.learningRate(15));
        assertEquals(0.4, state.learningRate(29));
        assertEquals(0.2, state.learningRate(30));
        assertEquals(0.05,
                state(Tiny.options().toBuilder().learningRate(new LearningRate.Constant(0.05)).build(), 44).learningRate(1_000_000));
    }

    @Test
    void rateThatFallsEvenly() {
        TrainingState state = state(Tiny.options().toBuilder().batch(4).learningRate(new LearningRate.Linear(0.8, 2)).build(), 40);
        assertEquals(0.8, state.learningRate(0));
        assertEquals(0.4, state.learningRate(10), 1e-12);
        assertEquals(0.04, state.learningRate(19), 1e-12);
        assertEquals(0.0008, state.learningRate(20), 1e-12);
        assertEquals(0.0008, state.learningRate(1000), 1e-12);
    }

    @Test
    void rateThatFallsByTheSameShare() {
        TrainingState state = state(Tiny.options().toBuilder().batch(4).learningRate(new LearningRate.Exponential(0.8, 2, 0.01)).build(),
                40);
        assertEquals(0.8, state.learningRate(0));
        assertEquals(0.08, state.learningRate(10), 1e-12);
        assertEquals(0.008, state.learningRate(20), 1e-12);
        assertEquals(0.008, state.learningRate(1000), 1e-12);
        for (int step = 1; step < 20; step++) {
            assertEquals(Math.pow(0.01, 1 / 20.0), state.learningRate(step) / state.learningRate(step - 1), 1e-9);
        }
    }

    @Test
    void rateThatRisesFirst() {
        TrainingState state = state(Tiny.options().toBuilder().batch(4).learningRate(
                new WarmUp(1, new LearningRate.Steps(0.8, 2, 0.5))).build(), 40);
        assertEquals(0.0008, state.learningRate(0), 1e-12);
        assertEquals(0.4, state.learningRate(5), 1e-12);
        assertEquals(0.8, state.learningRate(10));
        assertEquals(0.4, state.learningRate(20));
        assertEquals(0.8, state.options().learningRate().initial());
        assertEquals(0.1, state.options().learningRate().startingAt(0.2).at(0.5, 0), 1e-12);
        assertRefused("a learning rate warms up once, to another policy",
                () -> new WarmUp(1, new WarmUp(1, new LearningRate.Constant(1))));
        assertRefused("the epochs over which the learning rate rises must be above 0, not 0.0",
                () -> new WarmUp(0, new LearningRate.Constant(1)));
    }

    @Test
    void plateauDividesTheRateWhenTheErrorStopsFalling() {
        TrainingState state = state(Tiny.options().toBuilder().learningRate(new LearningRate.Plateau(1, 0.1, 2, 2)).build(), 44);
        double[] errors = {0.5, 0.4, 0.4, 0.45, 0.39, 0.39, 0.38, 0.5, 0.38, 0.5, 0.5, 0.5};
        double[] rates = {1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01};
        for (int i = 0; i < errors.length; i++) {
            state = state.stepped().validated(errors[i]);
            assertEquals(rates[i], state.learningRate(state.step()), 1e-12, "after validation " + i);
        }
        assertEquals(0.38, state.bestError());
        assertEquals(2, state.rateDrops());
    }

    @Test
    void aValidationThatOnlyMarksTheEndDoesNotMoveThePolicy() {
        TrainingState state = state(Tiny.options().toBuilder().learningRate(new LearningRate.Plateau(1, 0.1, 1, 2)).build(), 44).stepped();
        assertFalse(state.validated());
        TrainingState end = state.validatedAtEnd();
        assertTrue(end.validated());
        assertEquals(state.bestError(), end.bestError());
        assertEquals(state.sinceBest(), end.sinceBest());
    }

    @Test
    void optionsThatMakeNoSense() {
        TrainingOptions good = TrainingOptions.DEFAULTS;
        assertRefused("the batch must have at least 1 image, not 0", () -> good.toBuilder().batch(0).build());
        assertRefused("there must be at least 1 epoch, not 0", () -> good.toBuilder().epochs(0).build());
        assertRefused("steps must not be below 0, but they are -1", () -> good.toBuilder().steps(-1).build());
        assertRefused("momentum must be from 0 to below 1, not 1.0", () -> good.toBuilder().momentum(1).build());
        assertRefused("momentum must be from 0 to below 1, not NaN", () -> good.toBuilder().momentum(Double.NaN).build());
        assertRefused("weight decay must not be below 0, but it is -0.1", () -> good.toBuilder().weightDecay(-0.1).build());
        assertRefused("at least 1 checkpoint must be kept, not 0", () -> good.toBuilder().keepCheckpoints(0).build());
        assertRefused("there must be at least 1 loader thread, not 0", () -> good.toBuilder().loaderThreads(0).build());
        assertRefused("steps between checkpoints must not be below 0, but they are -5", () -> good.toBuilder().checkpointEvery(-5).build());
        assertRefused("the biases' rate factor must not be below 0, but it is -2.0", () -> good.toBuilder().biasRateFactor(-2).build());
        assertRefused("the learning rate must be above 0, not 0.0", () -> new LearningRate.Constant(0));
        assertRefused("the learning rate must be above 0, not Infinity", () -> new LearningRate.Constant(Double.POSITIVE_INFINITY));
        assertRefused("the learning rate's factor must lie between 0 and 1, not 10.0", () -> new LearningRate.Plateau(1, 10, 1, 1));
        assertRefused("the learning rate's patience must be at least 1 validation, not 0", () -> new LearningRate.Plateau(1, 0.1, 0, 1));
        assertRefused("the learning rate's epochs between steps must be above 0, not 0.0", () -> new LearningRate.Steps(1, 0, 0.1));
    }

    /** The builder has a method for every component, each of which changes that one and no other. */
    @Test
    void everyOptionCanBeChanged() throws ReflectiveOperationException {
        TrainingOptions defaults = TrainingOptions.DEFAULTS;
        TrainingOptions others = new TrainingOptions(3, 4, 5, new LearningRate.Constant(6), 7, 0.8, 9, true, 10, false, Augmentation.PAPER,
                Mean.RGB, false, 14, 11, 12, 13, List.of("conv1"), Path.of("out"));
        for (RecordComponent component : TrainingOptions.class.getRecordComponents()) {
            String name = component.getName();
            Object other = component.getAccessor().invoke(others);
            TrainingOptions.Builder builder = defaults.toBuilder();
            TrainingOptions.Builder.class.getMethod(name, component.getType()).invoke(builder, other);
            TrainingOptions changed = builder.build();
            for (RecordComponent each : TrainingOptions.class.getRecordComponents()) {
                assertEquals(each.getAccessor().invoke(each.getName().equals(name) ? others : defaults), each.getAccessor().invoke(changed),
                        name + ": " + each.getName());
            }
        }
    }

    private static void assertRefused(String message, org.junit.jupiter.api.function.Executable executable) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, executable).getMessage());
    }

    @Test
    void resumingTakesTheCourseFromTheCheckpointAndTheRestFromTheCaller() {
        TrainingOptions first = Tiny.options().toBuilder().momentum(0.8).shuffle(false).biasWeightDecay(true).build();
        TrainingOptions now = TrainingOptions.DEFAULTS.toBuilder().epochs(9).checkpointEvery(3).keepCheckpoints(7).loaderThreads(4).build();
        assertEquals(first.toBuilder().epochs(9).checkpointEvery(3).keepCheckpoints(7).loaderThreads(4).build(), first.continued(now));
        assertEquals(first.toBuilder().steps(5).build(), first.continued(first.toBuilder().steps(5).build()));
    }
}
