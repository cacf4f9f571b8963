package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import duet.data.Views;
import duet.device.Backend;
import duet.device.CpuOptions;
import duet.device.DeviceException;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.device.ranks.RankedBackend;
import duet.device.ranks.ThreadRanks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingOptions;
import duet.use.Ensemble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Several processes train as one does: the same bits, one output folder, one end. Processes are threads here. */
class RankedTrainingTest {
    private static final long PATIENCE = 20;
    private static final int STEPS = 8;

    private record Run(List<Metrics> steps, List<Metrics> validations, Map<String, float[]> tensors) {}

    private static TrainingOptions options() {
        return options(8);
    }

    private static TrainingOptions options(int batch) {
        return Tiny.options().toBuilder().batch(batch).steps(STEPS).build();
    }

    private static Backend open(Ranks ranks, int each) {
        return RankedBackend.open(String.join(",", Collections.nCopies(each, "cpu")), each, CpuOptions.DEFAULT.withThreads(1),
                ranks);
    }

    private static Run train(Ranks ranks, int each, Network network, Placement placement, TrainingOptions options) {
        Recorder recorder = new Recorder();
        try (Backend backend = open(ranks, each);
                Trainer trainer = Trainer.create(network, placement, backend, Tiny.data(), options)) {
            trainer.train(recorder);
            return new Run(recorder.steps, exact(recorder.validations), trainer.snapshot().tensors());
        }
    }

    /** Without how long they took. */
    private static List<Metrics> exact(List<Metrics> metrics) {
        return metrics.stream()
                .map(m -> new Metrics(m.event(), m.step(), m.epoch(), m.loss(), m.top1(), m.top5(), m.learningRate(), 0)).toList();
    }

    private static Run alone(Network network, Placement placement, TrainingOptions options) {
        Recorder recorder = new Recorder();
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(network, placement, backend, Tiny.data(), options)) {
            trainer.train(recorder);
            return new Run(recorder.steps, exact(recorder.validations), trainer.snapshot().tensors());
        }
    }

    /** Where "wide" is trained as data parallel, each device updates a share of the weights. */
    private static Network network(String name) {
        return name.equals("wide") ? Tiny.wide() : Tiny.network();
    }

    private static Placement placement(String name, int devices, int parts) {
        return switch (name) {
            case "towers" -> Placement.TWO_TOWERS;
            case "halves" -> Placement.HALVES;
            case "data", "wide" -> Placement.data(devices, parts);
            case "hybrid" -> Placement.hybrid(devices, parts);
            case "rounds" -> Placement.hybrid(devices, parts, 2);
            case "data,towers" -> Placement.data(Placement.TWO_TOWERS, devices / 2, parts);
            case "data,halves" -> Placement.data(Placement.HALVES, devices / 2, parts);
            case "data,hybrid" -> Placement.data(Placement.hybrid(2, 2), devices / 2, parts);
            case "data,rounds" -> Placement.data(Placement.hybrid(2, 2, 2), devices / 2, parts);
            default -> throw new IllegalArgumentException(name);
        };
    }

    @ParameterizedTest
    @CsvSource({"rounds,2,1,4", "rounds,4,1,4", "data,2,1,8", "data,4,1,8", "data,8,1,8", "data,2,2,8", "data,3,1,6", "data,6,1,6",
            "hybrid,2,1,4", "hybrid,4,1,4",
            "hybrid,2,2,4",
            "towers,2,1,2", "halves,2,1,2", "wide,2,1,8", "wide,4,1,8", "wide,8,1,8", "wide,2,2,8", "wide,3,2,6", "'data,towers',2,2,2",
            "'data,towers',4,2,4", "'data,towers',2,2,4", "'data,towers',4,1,4",
            "'data,towers',1,4,2", "'data,halves',2,2,2", "'data,halves',2,4,4", "'data,hybrid',2,2,2", "'data,hybrid',4,1,2",
            "'data,rounds',2,2,2"})
    void sameBitsAsOneProcess(String name, int processes, int each, int parts) {
        Placement placement = placement(name, processes * each, parts);
        TrainingOptions options = options(parts == 6 ? 12 : 8);
        Run expected = alone(network(name), placement, options);
        for (Run run : ThreadRanks.run(processes, 17, PATIENCE, ranks -> train(ranks, each, network(name), placement, options))) {
            assertEquals(STEPS, run.steps().size());
            for (int i = 0; i < STEPS; i++) {
                assertEquals(expected.steps().get(i).loss(), run.steps().get(i).loss(), "step " + (i + 1));
                assertEquals(expected.steps().get(i).top1(), run.steps().get(i).top1(), "step " + (i + 1));
            }
            assertFalse(expected.validations().isEmpty());
            assertEquals(expected.validations(), run.validations());
            expected.tensors().forEach((tensor, values) -> assertArrayEquals(values, run.tensors().get(tensor), tensor));
        }
    }

    /**
     * Only the first process writes; what it writes is what one process alone writes, also where the others have some of the parameters.
     */
    @ParameterizedTest
    @CsvSource({"data,2", "hybrid,2", "towers,2", "wide,2", "'data,towers',4"})
    void oneProcessWrites(String name, int processes, @TempDir Path folder) {
        Placement placement = placement(name, processes, 2);
        ThreadRanks.run(processes, 3, PATIENCE, ranks -> {
            Recorder recorder = new Recorder();
            TrainingOptions options = options().toBuilder().output(ranks.first() ? folder : null).checkpointEvery(3).build();
            try (Backend backend = open(ranks, 1);
                    Trainer trainer = Trainer.create(network(name), placement, backend, Tiny.data(), options)) {
                Trainer.Result result = trainer.train(new TrainingListener() {
                    @Override
                    public void validated(Metrics metrics) {
                        if (ranks.first()) { // as pictures are drawn
                            assertEquals(name.equals("wide") ? 64 * 3 * 3 : 4 * 3 * 3, trainer.parameter("conv1.weight").length);
                        }
                    }
                });
                assertEquals(ranks.first(), result.checkpoint() != null);
            }
            return recorder;
        });
        Run expected = alone(network(name), placement, options());
        Checkpoint written = Checkpoint.read(folder, warning -> {});
        assertEquals(STEPS, written.state().step());
        expected.tensors().forEach((tensor, values) -> assertArrayEquals(values, written.tensors().get(tensor), tensor));
    }

    /** Four processes, then two, then one: the bits of one that was never stopped. */
    @ParameterizedTest
    @CsvSource({"data,1", "wide,1", "'data,towers',2", "'data,halves',2"})
    void stoppedAndResumedOnFewer(String name, int each, @TempDir Path folder) {
        Run expected = alone(network(name), placement(name, each, 4), options());
        ThreadRanks.run(4, 5, PATIENCE, ranks -> {
            try (Backend backend = open(ranks, each);
                    Trainer trainer = Trainer.create(network(name), placement(name, 4 * each, 4), backend, Tiny.data(),
                            options().toBuilder().output(ranks.first() ? folder : null).build())) {
                // the signal reaches one of them, and all stop after the same step
                Trainer.Result result = trainer.train(new Recorder(event -> {
                    if (ranks.rank() == 2 && event.equals("step 3")) {
                        trainer.requestStop();
                    }
                }));
                assertEquals(Trainer.End.STOPPED, result.end());
                return result.steps();
            }
        }).forEach(steps -> assertEquals(3, steps));
        ThreadRanks.run(2, 6, PATIENCE, ranks -> {
            Checkpoint checkpoint = Checkpoint.read(folder, warning -> {});
            ranks.gather("read", new byte[0]);
            try (Backend backend = open(ranks, each);
                    Trainer trainer = Trainer.resume(checkpoint, placement(name, 2 * each, 4), backend, Tiny.data(),
                            options().toBuilder().steps(6).output(ranks.first() ? folder : null).build())) {
                return trainer.train(TrainingListener.SILENT).steps();
            }
        }).forEach(steps -> assertEquals(6, steps));
        try (Backend backend = Tiny.backend(each);
                Trainer trainer = Trainer.resume(Checkpoint.read(folder, warning -> {}), placement(name, each, 4), backend,
                        Tiny.data(), options().toBuilder().output(folder).build())) {
            trainer.train(TrainingListener.SILENT);
        }
        Checkpoint end = Checkpoint.read(folder, warning -> {});
        assertEquals(STEPS, end.state().step());
        expected.tensors().forEach((tensor, values) -> assertArrayEquals(values, end.tensors().get(tensor), tensor));
    }

    /** Also where parameters lie in parts, a listener sees them as they are: at any time in one process, after validations in several. */
    @ParameterizedTest
    @CsvSource({"towers,1", "hybrid,1", "towers,2", "data,2"})
    void parametersAreShownAsTheyAre(String name, int processes) {
        Placement placement = placement(name, 2, 2);
        ThreadRanks.run(processes, 4, PATIENCE, ranks -> {
            try (Backend backend = processes == 1 ? Tiny.backend(2) : open(ranks, 1);
                    Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(), options())) {
                trainer.train(new Recorder(event -> {
                    if (processes == 1 && event.equals("step 3")) {
                        assertArrayEquals(trainer.snapshot().tensors().get("conv1.weight"), trainer.parameter("conv1.weight"));
                    }
                }));
                assertArrayEquals(trainer.snapshot().tensors().get("conv1.weight"), trainer.parameter("conv1.weight"));
            }
            return null;
        });
    }

    /** Networks with other weights, and other images, make no sense together. */
    @Test
    void evaluationsAgreeBeforeTheyBegin() {
        Map<Integer, Checkpoint> trained = new ConcurrentHashMap<>();
        for (int steps : new int[] {1, 2}) {
            try (Backend backend = Tiny.backend(1);
                    Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                            options().toBuilder().steps(steps).build())) {
                trainer.train(TrainingListener.SILENT);
                trained.put(steps, trainer.snapshot());
            }
        }
        DeviceException other = assertThrows(DeviceException.class, () -> ThreadRanks.run(2, 1, PATIENCE,
                ranks -> evaluate(ranks, trained.get(1 + ranks.rank()), 20)));
        assertTrue(other.getMessage().startsWith("the network tiny must be the same for all processes"), other.getMessage());
        DeviceException images = assertThrows(DeviceException.class, () -> ThreadRanks.run(2, 1, PATIENCE,
                ranks -> evaluate(ranks, trained.get(1), 20 - ranks.rank())));
        assertTrue(images.getMessage().startsWith("the images must be the same for all processes"), images.getMessage());
        double alone = ThreadRanks.run(1, 1, PATIENCE, ranks -> evaluate(ranks, trained.get(2), 20)).getFirst();
        ThreadRanks.run(2, 1, PATIENCE, ranks -> evaluate(ranks, trained.get(2), 20)).forEach(top1 -> assertEquals(alone, top1));
    }

    private static double evaluate(Ranks ranks, Checkpoint checkpoint, int images) {
        Placement placement = Placement.data(ranks.size(), 2);
        try (Backend backend = open(ranks, 1);
                Ensemble ensemble = Ensemble.create(List.of(new Ensemble.Member("tiny", checkpoint)), placement, backend, 8)) {
            return ensemble.evaluate(List.of(new Tiny.Patterns(images, Tiny.CLASSES, 2)), Views.ONE, 1, 1, TrainingListener.SILENT).top1();
        }
    }

    @Test
    void whoHasSomethingElseIsNamed() {
        DeviceException seed = assertThrows(DeviceException.class, () -> ThreadRanks.run(3, 1, PATIENCE,
                ranks -> train(ranks, 1, Tiny.network(), Placement.data(3, 3),
                        options().toBuilder().seed(ranks.rank() == 1 ? 8 : 7).build())));
        assertTrue(seed.getMessage().contains("the option seed") && seed.getMessage().contains("rank 1"), seed.getMessage());
        DeviceException devices = assertThrows(DeviceException.class,
                () -> ThreadRanks.run(2, 1, PATIENCE, ranks -> open(ranks, 1 + ranks.rank())));
        assertTrue(devices.getMessage().contains("the number of devices") && devices.getMessage().contains("rank 1 has 2"),
                devices.getMessage());
    }

    /** A process that never comes to the exchange is named by those who wait for it. */
    @Test
    void whoIsMissingIsNamed() {
        RankLostException lost = assertThrows(RankLostException.class, () -> ThreadRanks.run(2, 1, 1, ranks -> {
            try (Backend backend = open(ranks, 1);
                    Trainer trainer = Trainer.create(Tiny.network(), Placement.data(2, 2), backend, Tiny.data(), options())) {
                return ranks.first() ? trainer.train(TrainingListener.SILENT) : null;
            }
        }));
        assertTrue(lost.getMessage().startsWith("rank 1 has not answered about "), lost.getMessage());
        assertFalse(lost.getMessage().contains("null"), lost.getMessage());
    }
}
