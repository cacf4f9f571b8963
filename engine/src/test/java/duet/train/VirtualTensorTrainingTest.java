package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.model.Networks;
import duet.net.Layer;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** AlexNet learns in bf16x3 and bf16x6 what it learns in float. */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class VirtualTensorTrainingTest {
    private static final int BATCH = 2;
    private static final int STEPS = 3;
    private static final List<String> SCHEDULES = List.of("streams=fifo", "streams=random,seed=3,warps=random",
            "streams=lazy,warps=reverse");

    private record Run(List<Metrics> steps, Checkpoint end) {}

    @AfterEach
    void defaults() {
        TestDevices.configure("");
        TestDevices.reset();
    }

    /** The paper's convolutions; fully connected layers are narrower, because their weights take a test too long. */
    private static Network network() {
        Network paper = Networks.create("alexnet", 3, 1000);
        List<Layer> layers = paper.layers().stream().map(layer -> layer instanceof Layer.FullyConnected f
                ? new Layer.FullyConnected(f.name(), f.name().equals("fc8") ? 1000 : 128, f.bias(), f.initialization()) : layer)
                .map(Layer.class::cast).toList();
        return Network.chain("alexnet-narrow", paper.input(), paper.inputScale(), layers);
    }

    /** At a tenth of the recipe's rate: at all of it a step this far from the goal multiplies any difference. */
    private static Run train(String devices, Precision precision, String settings) {
        Network network = network();
        TrainingOptions recipe = Recipe.of("alexnet", BATCH);
        try (Split data = Datasets.open("synthetic:3x227x227:1000:4", network.input(), 1, DamageReport.STRICT)) {
            return train(devices, precision, settings, network, data, recipe.toBuilder().steps(STEPS)
                    .learningRate(recipe.learningRate().startingAt(recipe.learningRate().initial() / 10)).build());
        }
    }

    private static Run train(
            String devices, Precision precision, String settings, Network network, Split data, TrainingOptions options) {
        TestDevices.configure(settings);
        Recorder recorder = new Recorder();
        try (Backend backend = Backends.open(devices, CpuOptions.DEFAULT.withPrecision(precision));
                Trainer trainer = Trainer.create(network, devices.contains(",") ? Placement.TWO_TOWERS : Placement.ONE_DEVICE, backend,
                        data,
                        options)) {
            trainer.train(recorder);
            TestDevices.requireClean(devices + ", " + precision + ", " + settings);
            return new Run(recorder.steps, trainer.snapshot());
        }
    }

    @Test
    void theSameLossesAsInFloat() {
        String schedule = SCHEDULES.getFirst();
        Run towers = train(TestDevices.two(), Precision.FP32, schedule);
        requireClose(towers, train(TestDevices.two(), Precision.BF16, schedule), 1e-2);
        requireClose(towers, train(TestDevices.two(), Precision.BF16X3, schedule), 1e-4);
        requireClose(towers, train(TestDevices.two(), Precision.BF16X6, schedule), 1e-5);
        requireClose(train(TestDevices.one(), Precision.FP32, schedule), train(TestDevices.one(), Precision.BF16X6, schedule), 1e-5);
    }

    @ParameterizedTest
    @EnumSource(names = {"BF16", "BF16X3", "BF16X6"})
    void theSameBitsUnderEachSchedule(Precision precision) {
        Run first = tiny(precision, SCHEDULES.getFirst());
        requireClose(tiny(Precision.FP32, SCHEDULES.getFirst()), first, precision == Precision.BF16 ? 1e-2 : 1e-4);
        for (String schedule : SCHEDULES.subList(1, SCHEDULES.size())) {
            tiny(precision, schedule).end().tensors().forEach((name, values) -> assertArrayEquals(
                    first.end().tensors().get(name), values, schedule + ": " + name));
        }
    }

    private static Run tiny(Precision precision, String schedule) {
        return train(TestDevices.two(), precision, schedule, Tiny.network(), Tiny.data(), Tiny.options().toBuilder().steps(14).build());
    }

    private static void requireClose(Run single, Run split, double tolerance) {
        assertTrue(single.end().tensors().entrySet().stream()
                .anyMatch(e -> !Arrays.equals(e.getValue(), split.end().tensors().get(e.getKey()))), "nothing was split");
        for (int i = 0; i < single.steps().size(); i++) {
            double loss = single.steps().get(i).loss();
            assertEquals(loss, split.steps().get(i).loss(), tolerance * loss, "step " + (i + 1));
        }
    }
}
