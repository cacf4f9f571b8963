package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import java.util.stream.Stream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.data.Augmentation;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.Diary;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Training on CUDA devices, by default virtual ones: the CPU's losses, and the same bits whatever the order in which streams and warps run.
 * With -Dduet.test.devices=cuda:0,cuda:1 on real cards, in whatever order those choose.
 */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class VirtualTrainingTest {
    private static final List<String> SCHEDULES = List.of("streams=fifo", "streams=latest-first", "streams=delay,seed=1",
            "streams=delay,seed=2",
            "streams=random,seed=3,warps=random", "streams=lazy,warps=reverse");

    private record Run(List<Metrics> steps, Checkpoint end) {}

    @BeforeEach
    @AfterEach
    void defaults() {
        TestDevices.configure("");
        TestDevices.reset();
    }

    private static Run tiny(String devices) {
        return tiny(devices, Tiny.options().toBuilder().steps(14).build());
    }

    private static Run tiny(String devices, TrainingOptions options) {
        return tiny(devices, devices.contains(",") ? Placement.TWO_TOWERS : Placement.ONE_DEVICE, options);
    }

    private static Run tiny(String devices, Placement placement, TrainingOptions options) {
        Recorder recorder = new Recorder();
        try (Backend backend = Backends.open(devices, 2);
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(), options)) {
            trainer.train(recorder);
            return new Run(recorder.steps, trainer.snapshot());
        }
    }

    private static void requireClose(Run expected, Run actual) {
        assertEquals(expected.steps().size(), actual.steps().size());
        for (int i = 0; i < expected.steps().size(); i++) {
            double loss = expected.steps().get(i).loss();
            assertEquals(loss, actual.steps().get(i).loss(), 1e-4 * loss, "step " + (i + 1));
        }
        expected.end().tensors().forEach((name, values) -> assertArrayEquals(values, actual.end().tensors().get(name), 1e-4f, name));
    }

    private static void requireSameBits(Run expected, Run actual, String schedule) {
        expected.end().tensors()
                .forEach((name, values) -> assertArrayEquals(values, actual.end().tensors().get(name), schedule + ": " + name));
    }

    /** Validation after steps 6, 11 and at the end takes part, on a program of its own in the same memory. */
    @Test
    void theCpusLossesUnderEachSchedule() {
        Run cpu = tiny("cpu");
        Run first = null;
        for (String schedule : SCHEDULES) {
            TestDevices.configure(schedule);
            Run run = tiny(TestDevices.two());
            TestDevices.requireClean(schedule);
            requireClose(cpu, run);
            if (first == null) {
                first = run;
            } else {
                requireSameBits(first, run, schedule);
            }
        }
    }

    /** Rows, images, and images with outputs: what they send each other and add up is in the same order under each schedule. */
    @ParameterizedTest
    @MethodSource("otherPlacements")
    void otherPlacementsUnderEachSchedule(Placement placement) {
        TrainingOptions options = Tiny.options().toBuilder().batch(8).steps(6).build();
        Run cpu = tiny("cpu", options);
        Run first = null;
        for (String schedule : SCHEDULES) {
            TestDevices.configure(schedule);
            Run run = tiny(TestDevices.two(), placement, options);
            TestDevices.requireClean(schedule);
            requireClose(cpu, run);
            first = first == null ? run : first;
            requireSameBits(first, run, schedule);
        }
    }

    static Stream<Placement> otherPlacements() {
        return Stream.of(Placement.HALVES, Placement.data(2, 2), Placement.hybrid(2, 4), Placement.hybrid(2, 4, 2));
    }

    /** The same parts on one device, two and four, of which some share a card. */
    @Test
    void sameBitsOnAnyNumberOfDevices() {
        TrainingOptions options = Tiny.options().toBuilder().batch(8).steps(6).build();
        String one = TestDevices.one();
        Run parts = tiny(one, Placement.data(1, 4), options);
        requireSameBits(parts, tiny(TestDevices.two(), Placement.data(2, 4), options), "two devices");
        requireSameBits(parts, tiny(String.join(",", one, one, one, one), Placement.data(4, 4), options), "four devices");
        TestDevices.requireClean("findings");
    }

    /** Each device updates a share of the large layers, under each schedule; also where weights are stored in two planes. */
    @ParameterizedTest
    @EnumSource(value = Precision.class, names = {"FP32", "BF16"})
    void sharesOfUpdates(Precision precision) {
        TrainingOptions options = Tiny.options().toBuilder().batch(8).steps(3).build();
        String one = TestDevices.one();
        Checkpoint expected = wide(one, Placement.data(1, 4), precision, options);
        for (String schedule : SCHEDULES) {
            TestDevices.configure(schedule);
            boolean four = schedule.equals(SCHEDULES.getFirst());
            Checkpoint end = four ? wide(String.join(",", one, one, one, one), Placement.data(4, 4), precision, options)
                    : wide(TestDevices.two(), Placement.data(2, 4), precision, options);
            TestDevices.requireClean(schedule);
            expected.tensors().forEach((name, values) -> assertArrayEquals(values, end.tensors().get(name), schedule + ": " + name));
        }
    }

    private static Checkpoint wide(String devices, Placement placement, Precision precision, TrainingOptions options) {
        CpuOptions arithmetic = new CpuOptions(0, new Arithmetic(ConvolutionChoice.FASTEST, precision));
        try (Backend backend = Backends.open(devices, arithmetic);
                Trainer trainer = Trainer.create(Tiny.wide(), placement, backend, Tiny.data(), options)) {
            trainer.train(TrainingListener.SILENT);
            return trainer.snapshot();
        }
    }

    @Test
    void oneDeviceAndTwoOnOneCard() {
        Run cpu = tiny("cpu");
        requireClose(cpu, tiny(TestDevices.one()));
        Run cards = tiny(TestDevices.two());
        requireSameBits(cards, tiny(TestDevices.one() + "," + TestDevices.one()), "two devices on one card");
        TestDevices.requireClean("findings");
    }

    /** With a colour for each image, and without it on a program of its own from step 12 on. */
    @Test
    void colourNoiseAndItsEnd() {
        LearningRate diary = new Diary(Tiny.options().learningRate().initial(), null,
                List.of(new Diary.Change(2, null, null, null, null, 0.0)), 0, 0);
        TrainingOptions options = Tiny.options().toBuilder().steps(14).learningRate(diary)
                .augmentation(Augmentation.STANDARD.withColourNoise(0.3).withNoiseDivides(true)).build();
        Run virtual = tiny(TestDevices.two(), options);
        TestDevices.requireClean("findings");
        requireClose(tiny("cpu", options), virtual);
        assertNotEquals(tiny("cpu").steps().getFirst().loss(), virtual.steps().getFirst().loss());
    }

    /** DUET_CUDA_LAUNCH=each: kernels one at a time instead of a graph, for finding the one that fails, make the same bits. */
    @Test
    void launchedOneByOne() {
        Run captured = tiny(TestDevices.two());
        System.setProperty("duet.cuda.launch", "each");
        try {
            requireSameBits(captured, tiny(TestDevices.two()), "one by one");
        } finally {
            System.clearProperty("duet.cuda.launch");
        }
        TestDevices.requireClean("one by one");
    }

    /** Copies between cards that cannot reach each other go through the driver. */
    @Test
    @VirtualOnly("whether cards reach each other cannot be chosen")
    void cardsThatCannotReachEachOther() {
        Run cards = tiny(TestDevices.two());
        TestDevices.configure("peer=off");
        requireSameBits(cards, tiny(TestDevices.two()), "peer=off");
        TestDevices.requireClean("findings");
    }

    @Test
    void alexnetSmallOnTwoDevices() {
        Run cpu = small("cpu,cpu");
        Run virtual = small(TestDevices.two());
        TestDevices.requireClean("findings");
        requireClose(cpu, virtual);
        assertNotEquals(virtual.steps().getFirst().loss(), virtual.steps().getLast().loss());
    }

    private static Run small(String devices) {
        Network network = Networks.create("alexnet-small", 1, 10);
        Recorder recorder = new Recorder();
        try (Split data = Datasets.open("synthetic:1x28x28:10:64", network.input(), 1, DamageReport.STRICT);
                Backend backend = Backends.open(devices, 2);
                Trainer trainer = Trainer.create(network, Placement.TWO_TOWERS, backend, data,
                        Recipe.of("alexnet-small", 8).toBuilder().steps(6).build())) {
            trainer.train(recorder);
            return new Run(recorder.steps, trainer.snapshot());
        }
    }
}
