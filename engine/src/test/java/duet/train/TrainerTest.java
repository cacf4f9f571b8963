package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;

import duet.data.Split;
import duet.device.Backend;
import duet.net.Initialization;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import duet.use.Classifier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    @TempDir
    private Path parent;

    @Test
    void learns() {
        Recorder recorder = new Recorder();
        Trainer.Result result = Tiny.train(Tiny.options().toBuilder().epochs(30).build(), Tiny.data(), recorder);
        assertEquals(Trainer.End.COMPLETED, result.end());
        assertEquals(165, result.steps());
        assertNull(result.checkpoint());
        assertEquals(recorder.validations.getLast(), result.validation());
        assertTrue(result.validation().top1() >= 0.9, result.validation().toString());
        assertTrue(result.validation().loss() < 0.5, result.validation().toString());
        assertEquals(1.0, result.validation().top5());
    }

    @Test
    void whatItTellsAndInWhichOrder() {
        Recorder recorder = new Recorder();
        Tiny.train(Tiny.options().toBuilder().epochs(1).checkpointEvery(4).output(parent.resolve("out")).build(), Tiny.data(), recorder);
        assertEquals(List.of("started 0 6 6", "step 1", "step 2", "step 3", "step 4", "checkpoint", "step 5", "step 6", "validating 8",
                "validating 16", "validating 20", "validated 6", "checkpoint"), recorder.events);
        Metrics first = recorder.steps.getFirst();
        assertEquals("train", first.event());
        assertEquals(8 / 44.0, first.epoch());
        assertEquals(0.02, first.learningRate());
        assertTrue(first.imagesPerSecond() > 0);
        assertTrue(Math.abs(first.loss() - Math.log(4)) < 1.5, first.toString());
        assertEquals(first.top1() * 8, Math.rint(first.top1() * 8));
        Metrics validation = recorder.validations.getFirst();
        assertEquals("validation", validation.event());
        assertEquals(6, validation.step());
        assertEquals(48 / 44.0, validation.epoch());
    }

    @Test
    void whatItWrites() throws IOException {
        Path out = parent.resolve("deep/out");
        Recorder recorder = new Recorder();
        Trainer.Result result = Tiny.train(Tiny.options().toBuilder().keepCheckpoints(2).output(out).build(), Tiny.data(), recorder);
        try (Stream<Path> files = Files.list(out)) {
            assertEquals(List.of(".lock", "checkpoint-00000017.safetensors", "checkpoint-00000022.safetensors", "metrics.jsonl",
                    "network.json"), files.map(file -> file.getFileName().toString()).sorted().toList());
        }
        assertEquals(List.of(), recorder.warnings);
        assertEquals(out.resolve("checkpoint-00000022.safetensors"), result.checkpoint());
        assertEquals(Tiny.network(), NetworkJson.read(out.resolve("network.json")));
        assertEquals(26, Files.readAllLines(out.resolve("metrics.jsonl")).size());
        Checkpoint last = Checkpoint.read(out);
        assertEquals(22, last.state().step());
        assertEquals(Tiny.options().toBuilder().keepCheckpoints(2).build(), last.state().options());
        assertEquals("patterns, 44 images", last.state().data());
        assertEquals(Tiny.CLASSES, last.classNames());
    }

    @Test
    void theSameSeedGivesTheSameBits() {
        Recorder one = new Recorder();
        Recorder two = new Recorder();
        Recorder other = new Recorder();
        Tiny.train(Tiny.options(), Tiny.data(), one);
        Tiny.train(Tiny.options().toBuilder().loaderThreads(3).build(), Tiny.data(), two);
        Tiny.train(Tiny.options().toBuilder().seed(8).build(), Tiny.data(), other);
        assertEquals(losses(one.steps), losses(two.steps));
        assertEquals(losses(one.validations), losses(two.validations));
        assertFalse(losses(one.steps).equals(losses(other.steps)));
    }

    private static List<Double> losses(List<Metrics> metrics) {
        return metrics.stream().map(Metrics::loss).toList();
    }

    @Test
    void stepsGoBeforeEpochs() {
        Recorder recorder = new Recorder();
        Trainer.Result result = Tiny.train(Tiny.options().toBuilder().steps(8).build(), Tiny.data(), recorder);
        assertEquals(8, result.steps());
        assertEquals(List.of(6L, 8L), recorder.validations.stream().map(Metrics::step).toList());
    }

    @Test
    void damagedImagesDoNotCount() {
        Recorder recorder = new Recorder();
        Split data = new Split(new Tiny.Patterns(44, Tiny.CLASSES, 1).damaged(0, 1, 2, 3, 4, 5, 6, 7, 9),
                new Tiny.Patterns(20, Tiny.CLASSES, 2).damaged(3));
        Tiny.train(Tiny.options().toBuilder().shuffle(false).epochs(1).build(), data, recorder);
        assertEquals(List.of(2L, 3L, 4L, 5L, 6L), recorder.steps.stream().map(Metrics::step).toList(), "none of the first 8 can be read");
        double hits = recorder.steps.getFirst().top1() * 7;
        assertEquals(Math.rint(hits), hits, 1e-9);
        double validationHits = recorder.validations.getFirst().top1() * 19;
        assertEquals(Math.rint(validationHits), validationHits, 1e-9);
    }

    /** A listener hears what the network thinks of every validation image that can be read. */
    @Test
    void answersAreThoseThatTheAccuracyCounts() {
        int[] images = new int[1];
        int[] hits = new int[1];
        List<Metrics> validations = new ArrayList<>();
        Split data = new Split(new Tiny.Patterns(44, Tiny.CLASSES, 1), new Tiny.Patterns(20, Tiny.CLASSES, 2).damaged(3, 17));
        Tiny.train(Tiny.options().toBuilder().epochs(1).build(), data, new TrainingListener() {
            @Override
            public void answered(int[] labels, Supplier<float[]> probabilities) {
                for (int i = 0; i < labels.length; i++) {
                    images[0] += labels[i] < 0 ? 0 : 1;
                    hits[0] += labels[i] == mostProbable(probabilities.get(), i * Tiny.CLASSES.size()) ? 1 : 0;
                }
            }

            @Override
            public void validated(Metrics metrics) {
                validations.add(metrics);
            }
        });
        assertEquals(18, images[0]);
        assertEquals(validations.getFirst().top1(), hits[0] / 18.0, 1e-9);
    }

    private static int mostProbable(float[] probabilities, int from) {
        int best = 0;
        for (int c = 1; c < Tiny.CLASSES.size(); c++) {
            best = probabilities[from + c] > probabilities[from + best] ? c : best;
        }
        return best;
    }

    @Test
    void withoutValidationImages() {
        Recorder recorder = new Recorder();
        Split data = new Split(new Tiny.Patterns(44, Tiny.CLASSES, 1), new Tiny.Patterns(0, Tiny.CLASSES, 2));
        Trainer.Result result = Tiny.train(Tiny.options().toBuilder().epochs(1).build(), data, recorder);
        assertEquals(Trainer.End.COMPLETED, result.end());
        assertNull(result.validation());
    }

    @Test
    void aLossThatDoesNotMoveIsPointedOut() {
        Recorder recorder = new Recorder();
        Network still = Tiny.network(Initialization.PAPER);
        TrainingOptions options = Tiny.options().toBuilder().steps(230).learningRate(new LearningRate.Constant(1e-9)).build();
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(still, Placement.ONE_DEVICE, backend, Tiny.data(), options)) {
            trainer.train(recorder);
        }
        assertEquals(1, recorder.warnings.size());
        assertTrue(recorder.warnings.getFirst().startsWith("after 200 steps the loss still sits at ln(4) = 1.386"),
                recorder.warnings.getFirst());
    }

    @Test
    void dataThatDoNotFit() {
        assertRefused("patterns, 44 images: has 2 classes, but tiny has 4", Tiny.CLASSES.subList(0, 2), 44);
        assertRefused("patterns, 0 images: holds no images", Tiny.CLASSES, 0);
        List<String> reversed = new ArrayList<>(Tiny.CLASSES);
        Collections.reverse(reversed);
        Split mixed = new Split(new Tiny.Patterns(44, Tiny.CLASSES, 1), new Tiny.Patterns(20, reversed, 1));
        String message = assertThrows(TrainingException.class, () -> Tiny.train(Tiny.options(), mixed, new Recorder())).getMessage();
        assertEquals(
                "patterns, 20 images: class 0 is blank, but the network was trained with bars in its place; use data with its classes in "
                        + "their order, or for an imported network './duet import' with --classes",
                message);
    }

    private void assertRefused(String message, List<String> classes, int size) {
        Split data = new Split(new Tiny.Patterns(size, classes, 1), new Tiny.Patterns(20, classes, 1));
        Path out = parent.resolve("refused");
        assertEquals(message, assertThrows(TrainingException.class,
                () -> Tiny.train(Tiny.options().toBuilder().output(out).build(), data, new Recorder())).getMessage());
        assertFalse(Files.exists(out), "nothing is left behind");
    }

    @Test
    void aFolderInUseIsRefused() {
        TrainingOptions options = Tiny.options().toBuilder().epochs(1).output(parent.resolve("out")).build();
        Tiny.train(options, Tiny.data(), new Recorder());
        String message = assertThrows(TrainingException.class, () -> Tiny.train(options, Tiny.data(), new Recorder())).getMessage();
        assertTrue(message.startsWith(parent.resolve("out") + ": already holds checkpoint-0000000"), message);
    }

    @Test
    void aPlacementNeedsItsDevices() {
        try (Backend backend = Tiny.backend(1)) {
            String message = assertThrows(TrainingException.class,
                    () -> Trainer.create(Tiny.network(), Placement.TWO_TOWERS, backend, Tiny.data(), Tiny.options())).getMessage();
            assertTrue(message.startsWith("the placement towers needs 2 device(s), but there are 1"), message);
        }
    }

    @Test
    void closedIsClosed() {
        try (Backend backend = Tiny.backend(1)) {
            Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), Tiny.options());
            trainer.close();
            trainer.close();
            assertThrows(IllegalStateException.class, trainer::snapshot);
            assertThrows(IllegalStateException.class, () -> trainer.train(TrainingListener.SILENT));
        }
    }

    @Test
    void classifiesAsItWasValidated() {
        Checkpoint model;
        Metrics validation;
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                        Tiny.options().toBuilder().epochs(20).build())) {
            validation = trainer.train(TrainingListener.SILENT).validation();
            model = trainer.snapshot();
        }
        try (Backend backend = Tiny.backend(1); Classifier classifier = Classifier.create(model, Placement.ONE_DEVICE, backend, 8)) {
            Split data = Tiny.data();
            Metrics again = classifier.evaluate(data.validation(), TrainingListener.SILENT);
            assertEquals(validation.loss(), again.loss());
            assertEquals(validation.top1(), again.top1());
            assertEquals(validation.step(), again.step());
            int hits = 0;
            for (int i = 0; i < 20; i++) {
                byte[] pixels = new byte[144];
                int label = data.validation().read(i, pixels, 0);
                List<Classifier.Prediction> predictions = classifier.classify(pixels);
                assertEquals(4, predictions.size());
                assertEquals(1, predictions.stream().mapToDouble(Classifier.Prediction::probability).sum(), 1e-5);
                assertTrue(predictions.get(0).probability() >= predictions.get(1).probability());
                assertEquals(Tiny.CLASSES.get(predictions.getFirst().label()), predictions.getFirst().name());
                hits += predictions.getFirst().label() == label ? 1 : 0;
            }
            assertEquals(validation.top1() * 20, hits, 1e-9);
            assertThrows(IllegalArgumentException.class, () -> classifier.classify(new byte[3]));
        }
    }

    @Test
    void aSnapshotIsACopy() {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                        Tiny.options().toBuilder().epochs(1).build())) {
            Checkpoint before = trainer.snapshot();
            assertEquals(0, before.state().step());
            assertArrayEquals(Tiny.network().parameters().get(0).initial(7, 0), before.tensors().get("conv1.weight"));
            trainer.train(TrainingListener.SILENT);
            assertEquals(6, trainer.snapshot().state().step());
            assertArrayEquals(Tiny.network().parameters().get(0).initial(7, 0), before.tensors().get("conv1.weight"));
        }
    }
}
