package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A network computes one function, whatever its placement. */
class PlacementTest {
    private record Run(List<Metrics> steps, Checkpoint end) {}

    private static Run run(Placement placement) {
        Recorder recorder = new Recorder();
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(),
                        Tiny.options().toBuilder().steps(20).build())) {
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

    /**
     * The default network, dropout on: one device as two, and two as two again to the bit. At a rate at which training is stable: at the
     * recipe's, on these made-up images, a rounding difference that decides a ReLU grows tenfold every two steps.
     */
    @Test
    void alexnetSmallUnderEachPlacement() {
        Run one = small(Placement.ONE_DEVICE);
        Run two = small(Placement.TWO_TOWERS);
        for (int i = 0; i < 20; i++) {
            double expected = one.steps().get(i).loss();
            assertEquals(expected, two.steps().get(i).loss(), 1e-4 * expected, "step " + (i + 1));
        }
        Run again = small(Placement.TWO_TOWERS);
        two.end().tensors().forEach((name, values) -> assertArrayEquals(values, again.end().tensors().get(name), name));
    }

    /** Placements agree also at the recipe's rate on the images that it was made for, where they are installed. */
    @Test
    void alexnetSmallOnFashionMnist() {
        assumeTrue(Files.isDirectory(Path.of("/usr/share/datasets/fashion-mnist")), "dataset-fashion-mnist is not installed");
        TrainingOptions recipe = Recipe.of("alexnet-small", 8).toBuilder().steps(20).build();
        Run one = small(Placement.ONE_DEVICE, "fashion-mnist", recipe);
        Run two = small(Placement.TWO_TOWERS, "fashion-mnist", recipe);
        for (int i = 0; i < 20; i++) {
            double expected = one.steps().get(i).loss();
            assertEquals(expected, two.steps().get(i).loss(), 1e-4 * expected, "step " + (i + 1));
        }
    }

    /** The default network in parts: the same bits on one CPU device, two and four, and the losses of one device in whole. */
    @Test
    void partsOnAnyNumberOfDevices() {
        Run whole = small(Placement.ONE_DEVICE);
        List<IntFunction<Placement>> ways = List.of(devices -> Placement.data(devices, 4), devices -> Placement.hybrid(devices, 4),
                devices -> Placement.hybrid(devices, 4, 2));
        for (IntFunction<Placement> way : ways) {
            Run first = null;
            for (int devices : new int[] {1, 2, 4}) {
                Run run = small(way.apply(devices));
                first = first == null ? run : first;
                Run expected = first;
                expected.end().tensors().forEach((name, values) -> assertArrayEquals(values, run.end().tensors().get(name), name));
                for (int i = 0; i < 20; i++) {
                    assertEquals(whole.steps().get(i).loss(), run.steps().get(i).loss(), 1e-5 * whole.steps().get(i).loss());
                }
            }
        }
    }

    private static Run small(Placement placement) {
        TrainingOptions stable = Recipe.of("alexnet-small", 8).toBuilder().steps(20).learningRate(new LearningRate.Constant(0.001)).build();
        return small(placement, "synthetic:1x28x28:10:256", stable);
    }

    /** Without validation. */
    private static Run small(Placement placement, String source, TrainingOptions options) {
        Network network = Networks.create("alexnet-small", 1, 10);
        Trainer[] stopped = new Trainer[1];
        Recorder recorder = new Recorder(event -> {
            if (event.equals("step 20")) {
                stopped[0].requestStop();
            }
        });
        try (Split data = Datasets.open(source, network.input(), 1, DamageReport.STRICT);
                Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(network, placement, backend, data, options)) {
            stopped[0] = trainer;
            trainer.train(recorder);
            assertEquals(20, recorder.steps.size());
            return new Run(recorder.steps, trainer.snapshot());
        }
    }

    /** Each device updates a share of the large layers: fewer shares than devices, and shares of unequal size. */
    @ParameterizedTest
    @ValueSource(ints = {8, 12})
    void sharesOfUpdates(int parts) {
        TrainingOptions options = Tiny.options().toBuilder().batch(parts == 8 ? 8 : 12).steps(4).build();
        Checkpoint one = wide(null, Placement.data(1, parts), options);
        float[] filters = one.tensors().get("conv2.weight");
        assertTrue(IntStream.range(0, 130).anyMatch(filter -> Math.abs(rms(filters, filter) - 0.05) < 1e-6), "no filter was scaled back");
        for (int devices : parts == 8 ? new int[] {2, 4, 8} : new int[] {3, 6}) {
            requireSame(one, wide(null, Placement.data(devices, parts), options));
        }
    }

    private static double rms(float[] filters, int filter) {
        int size = filters.length / 130;
        return Math
                .sqrt(IntStream.range(filter * size, (filter + 1) * size).mapToDouble(i -> filters[i] * (double) filters[i]).sum() / size);
    }

    /** Momentum that lies in shares goes to a checkpoint in whole, and from there to other shares. */
    @Test
    void resumedOnOtherShares() {
        TrainingOptions options = Tiny.options().toBuilder().steps(6).build();
        Checkpoint expected = wide(null, Placement.data(1, 8), options);
        Checkpoint at = null;
        for (int devices : new int[] {4, 1, 8, 2}) {
            at = wide(at, Placement.data(devices, 8), options.toBuilder().steps(at == null ? 1 : at.state().step() + 1).build());
        }
        requireSame(expected, wide(at, Placement.data(1, 8), options));
    }

    private static void requireSame(Checkpoint expected, Checkpoint actual) {
        assertEquals(expected.state().step(), actual.state().step());
        expected.tensors().forEach((name, values) -> assertArrayEquals(values, actual.tensors().get(name), name));
    }

    /** @param from null for the beginning */
    private static Checkpoint wide(Checkpoint from, Placement placement, TrainingOptions options) {
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = from == null ? Trainer.create(Tiny.wide(), placement, backend, Tiny.data(), options)
                        : Trainer.resume(from, placement, backend, Tiny.data(), options)) {
            trainer.train(TrainingListener.SILENT);
            return trainer.snapshot();
        }
    }

    /** Parameters go to parts on two devices and come back whole. */
    @Test
    void resumedUnderAnotherPlacement() {
        Run one = run(Placement.ONE_DEVICE);
        List<Checkpoint> passed = new ArrayList<>();
        try (Backend backend = Tiny.backend(2);
                Trainer trainer = Trainer.resume(
                        one.end(), Placement.TWO_TOWERS, backend, Tiny.data(), Tiny.options().toBuilder().steps(20).build())) {
            passed.add(trainer.snapshot());
        }
        one.end().tensors().forEach((name, values) -> assertArrayEquals(values, passed.getFirst().tensors().get(name), name));
    }
}
