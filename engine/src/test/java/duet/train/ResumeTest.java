package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.data.Split;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.OutputFolder;
import duet.train.output.TrainingListener;
import duet.train.schedule.Diary;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.WarmUp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A training that was stopped or killed, and resumed, ends with the same bytes as one that was left alone. */
class ResumeTest {
    @TempDir
    private Path parent;

    /** With a policy that depends on validations, and checkpoints between epochs. */
    private static TrainingOptions options() {
        return Tiny.options().toBuilder().epochs(3).learningRate(new LearningRate.Plateau(0.02, 0.1, 1, 3)).checkpointEvery(4).build();
    }

    private static Trainer create(Backend backend, TrainingOptions options) {
        return Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options);
    }

    private static Trainer resume(Backend backend, Path from, TrainingOptions options) {
        return Trainer.resume(Checkpoint.read(from), Placement.ONE_DEVICE, backend, Tiny.data(), options);
    }

    private Path alone(TrainingOptions options) {
        Path out = parent.resolve("alone");
        try (Backend backend = Tiny.backend(1); Trainer trainer = create(backend, options.toBuilder().output(out).build())) {
            assertEquals(Trainer.End.COMPLETED, trainer.train(TrainingListener.SILENT).end());
        }
        return out;
    }

    private Trainer.Result resumed(Path out, TrainingOptions options) {
        try (Backend backend = Tiny.backend(1); Trainer trainer = resume(backend, out, options.toBuilder().output(out).build())) {
            return trainer.train(TrainingListener.SILENT);
        }
    }

    private static List<String> metrics(Path out) throws IOException {
        return Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                .map(line -> line.replaceAll(",\"imagesPerSecond\":[^}]*}", "")).toList();
    }

    private static void assertSame(Path expected, Path actual, String message) throws IOException {
        assertEquals(metrics(expected), metrics(actual), message);
        List<OutputFolder.Saved> saved = OutputFolder.checkpoints(expected);
        assertEquals(saved.size(), OutputFolder.checkpoints(actual).size(), message);
        for (OutputFolder.Saved checkpoint : saved) {
            assertArrayEquals(Files.readAllBytes(checkpoint.file()),
                    Files.readAllBytes(actual.resolve(checkpoint.file().getFileName())), message + ", step " + checkpoint.step());
        }
    }

    /** Rates that depend on validations, on the epoch, on the layer. */
    static List<LearningRate> policies() {
        return List.of(new WarmUp(1.5, new LearningRate.Plateau(0.02, 0.1, 1, 3)), new Diary(0.02, 0.03, List.of(
                new Diary.Change(0.5, List.of("conv1"), 0.01, null, 0.1, null), new Diary.Change(1, null, 0.005, null, null, 0.0)), 0, 0));
    }

    /** Stops after every step there is, one after the other, and at every point of every validation. */
    @ParameterizedTest
    @MethodSource("policies")
    void stoppedAtEveryMoment(LearningRate policy) throws IOException {
        TrainingOptions options = options().toBuilder().learningRate(policy).build();
        Path alone = alone(options);
        Path out = parent.resolve("stopped");
        Trainer[] current = new Trainer[1];
        int rounds = 0;
        Trainer.Result result = null;
        while (result == null || result.end() == Trainer.End.STOPPED) {
            int[] events = {0};
            int stopAt = rounds % 3;
            Recorder recorder = new Recorder(event -> {
                if (!event.startsWith("started") && events[0]++ == stopAt) {
                    current[0].requestStop();
                }
            });
            try (Backend backend = Tiny.backend(1);
                    Trainer trainer = rounds == 0 ? create(backend, options.toBuilder().output(out).build())
                            : resume(backend, out, options.toBuilder().output(out).build())) {
                current[0] = trainer;
                result = trainer.train(recorder);
            }
            rounds++;
            assertTrue(rounds < 100);
        }
        assertTrue(rounds > 8, rounds + " rounds");
        assertSame(alone, out, "stopped " + rounds + " times");
    }

    /** What is in the folder at some moment is what a killed process leaves; with half a line, and half a checkpoint. */
    @ParameterizedTest
    @MethodSource("policies")
    void killedAtEveryMoment(LearningRate policy) throws IOException {
        TrainingOptions options = options().toBuilder().epochs(2).learningRate(policy).build();
        Path alone = alone(options);
        Path out = parent.resolve("killed");
        Map<String, Path> moments = new LinkedHashMap<>();
        Recorder recorder = new Recorder(event -> moments.put(moments.size() + " " + event, copy(out, "moment" + moments.size())));
        try (Backend backend = Tiny.backend(1); Trainer trainer = create(backend, options.toBuilder().output(out).build())) {
            trainer.train(recorder);
        }
        assertTrue(moments.size() > 20, moments.size() + " moments");
        for (Map.Entry<String, Path> moment : moments.entrySet()) {
            Path left = moment.getValue();
            if (moment.getKey().hashCode() % 2 == 0) {
                Files.writeString(left.resolve("metrics.jsonl"), "{\"event\":\"train\",\"ste", StandardOpenOption.APPEND);
                Files.writeString(left.resolve(".checkpoint-00000012.safetensors.99.tmp"), "half");
            }
            assertEquals(Trainer.End.COMPLETED, resumed(left, options).end());
            assertSame(alone, left, moment.getKey());
        }
    }

    private Path copy(Path out, String name) {
        try (Stream<Path> files = Files.list(out)) {
            Path target = Files.createDirectory(parent.resolve(name));
            for (Path file : files.toList()) {
                Files.copy(file, target.resolve(file.getFileName()));
            }
            return target;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {3, 6, 11})
    void moreStepsAreOrderedLater(int first) throws IOException {
        Path alone = alone(options().toBuilder().steps(14).build());
        Path out = parent.resolve("later");
        try (Backend backend = Tiny.backend(1); Trainer trainer = create(backend, options().toBuilder().steps(first).output(out).build())) {
            trainer.train(TrainingListener.SILENT);
        }
        assertEquals(first, Checkpoint.read(out).state().step());
        resumed(out, options().toBuilder().steps(14).build());
        assertEquals(metrics(alone), metrics(out));
        assertArrayEquals(Files.readAllBytes(alone.resolve("checkpoint-00000014.safetensors")),
                Files.readAllBytes(out.resolve("checkpoint-00000014.safetensors")));
    }

    @Test
    void aFinishedTrainingStaysAsItIs() throws IOException {
        Path out = alone(options());
        List<String> before = Files.readAllLines(out.resolve("metrics.jsonl"));
        Trainer.Result result = resumed(out, options());
        assertEquals(Trainer.End.COMPLETED, result.end());
        assertEquals(17, result.steps());
        assertEquals(17, result.validation().step());
        assertEquals(out.resolve("checkpoint-00000017.safetensors"), result.checkpoint());
        assertEquals(before, Files.readAllLines(out.resolve("metrics.jsonl")));
    }

    @Test
    void aDamagedLatestCheckpointCostsOnlyTheStepsSinceTheOneBefore() throws IOException {
        Path alone = alone(options());
        Path out = copy(alone, "damaged");
        Path latest = out.resolve("checkpoint-00000017.safetensors");
        byte[] bytes = Files.readAllBytes(latest);
        bytes[bytes.length / 2] ^= 4;
        Files.write(latest, bytes);
        List<String> warnings = new ArrayList<>();
        Checkpoint before = Checkpoint.read(out, warnings::add);
        assertEquals(16, before.state().step());
        assertEquals(1, warnings.size());
        Recorder recorder = new Recorder();
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.resume(before, Placement.ONE_DEVICE, backend, Tiny.data(),
                        options().toBuilder().output(out).build())) {
            trainer.train(recorder);
        }
        assertEquals(1, recorder.warnings.size());
        assertSame(alone, out, "resumed from the checkpoint before");
    }

    @Test
    void goesOnInAnotherFolder() throws IOException {
        Path alone = alone(options());
        Path other = parent.resolve("other");
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = resume(backend, alone.resolve("checkpoint-00000016.safetensors"),
                        options().toBuilder().output(other).build())) {
            assertTrue(Files.exists(other.resolve("checkpoint-00000016.safetensors")), "so that it too can be resumed at once");
            trainer.train(TrainingListener.SILENT);
        }
        List<String> all = metrics(alone);
        assertEquals(all.subList(all.size() - 2, all.size()), metrics(other));
        assertArrayEquals(Files.readAllBytes(alone.resolve("checkpoint-00000017.safetensors")),
                Files.readAllBytes(other.resolve("checkpoint-00000017.safetensors")));
    }

    @Test
    void whatCannotBeResumed() {
        Path out = alone(options());
        Checkpoint checkpoint = Checkpoint.read(out);
        Checkpoint bare = new Checkpoint(checkpoint.network(), checkpoint.classNames(), checkpoint.stored(), checkpoint.tensors(), null);
        assertRefused("the checkpoint is a bare model", bare, Tiny.data());
        assertRefused("patterns, 40 images: the training to be resumed had 44 training images, now there are 40", checkpoint,
                new Split(new Tiny.Patterns(40, Tiny.CLASSES, 1), new Tiny.Patterns(20, Tiny.CLASSES, 2)));
        assertRefused("patterns, 44 images: class 0 is a, but the network was trained with bars", checkpoint,
                new Split(new Tiny.Patterns(44, List.of("a", "b", "c", "d"), 1), new Tiny.Patterns(20, List.of("a", "b", "c", "d"), 2)));
        Checkpoint earlier = Checkpoint.read(out.resolve("checkpoint-00000016.safetensors"));
        try (Backend backend = Tiny.backend(1)) {
            String message = assertThrows(TrainingException.class, () -> Trainer.resume(
                    earlier, Placement.ONE_DEVICE, backend, Tiny.data(), options().toBuilder().output(out).build())).getMessage();
            assertTrue(message.contains("holds checkpoint-00000017.safetensors, which is later than step 16"), message);
        }
    }

    private static void assertRefused(String message, Checkpoint checkpoint, Split data) {
        try (Backend backend = Tiny.backend(1)) {
            String found = assertThrows(TrainingException.class,
                    () -> Trainer.resume(checkpoint, Placement.ONE_DEVICE, backend, data, options())).getMessage();
            assertTrue(found.startsWith(message), found);
        }
    }
}
