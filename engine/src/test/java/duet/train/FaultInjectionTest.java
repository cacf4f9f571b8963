package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

import duet.ChildJava;
import duet.SystemFaults;
import duet.SystemFaults.Kind;
import duet.bindings.cpu.DuetCpu;
import duet.data.Split;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.DeviceException;
import duet.files.FileException;
import duet.model.SafetensorsException;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.OutputFolder;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each operation on the files of a training, and each allocation of the kernel library, fails in turn: once alone, and once with all that
 * follow. The process lives, the training ends with a sentence or as if nothing had happened, nothing is held on to, every checkpoint that
 * was told of is whole, and the training can go on in the same folder to the same bits.
 *
 * <p>{@code -Dduet.faults=all} takes every point, which takes minutes; without it, some dozens of them.
 */
@EnabledOnOs(OS.LINUX)
class FaultInjectionTest {
    /** Points of each kind that the short test takes. */
    private static final int SOME = 10;
    private static final long ALL_LATER = Long.MAX_VALUE / 2;

    /** A training that is interrupted by a fault. */
    private enum Scenario {
        NEW, RESUMED
    }

    /** Runs in a process of its own, with the library loaded first and {@code DUET_FAULTS} naming the folder. */
    public static void main(String[] arguments) throws IOException {
        System.exit(new Run(Path.of(System.getenv(SystemFaults.FOLDER)), arguments[0].equals("all")).everything() ? 0 : 1);
    }

    @TempDir
    private Path folder;

    @Test
    void everyCallFailsInTurn() throws Exception {
        assumeTrue(Files.exists(SystemFaults.LIBRARY), SystemFaults.LIBRARY + " is built with the native tests");
        String points = System.getProperty("duet.faults", "some");
        System.out.println("FaultInjectionTest: -Dduet.faults=" + points);
        ProcessBuilder builder = ChildJava.builder(List.of("-Xmx256m"), FaultInjectionTest.class, points);
        builder.environment().put("LD_PRELOAD", SystemFaults.LIBRARY.toRealPath().toString());
        builder.environment().put(SystemFaults.FOLDER, folder.toRealPath().toString());
        Process child = builder.start();
        try {
            String output = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            System.out.print(output);
            assertEquals(0, child.waitFor(), output);
        } finally {
            child.destroyForcibly();
        }
    }

    /** All points in one process. */
    private static final class Run {
        private final Path folder;
        private final boolean all;
        private final Path alone;
        private final Path half;
        private final Map<String, String> sentences = new TreeMap<>();
        private long open = Long.MAX_VALUE;
        private int points;
        private int ended;
        private int wrong;

        Run(Path folder, boolean all) {
            this.folder = folder;
            this.all = all;
            alone = folder.resolve("alone");
            half = folder.resolve("half");
        }

        boolean everything() throws IOException {
            train(alone, new Recorder(), 6);
            train(half, new Recorder(), 4);
            long files = 0, threads = 0;
            for (Scenario scenario : Scenario.values()) {
                for (Kind kind : Kind.values()) {
                    long calls = count(scenario, kind);
                    files = files == 0 ? count("fd") : files;
                    threads = threads == 0 ? count("task") : threads;
                    System.out.println(scenario + ", " + kind + ": " + calls + " calls");
                    long step = all ? 1 : Math.max(1, calls / SOME);
                    for (long call = 1; call <= calls; call += step) {
                        point(scenario, kind, call, call);
                        point(scenario, kind, call, ALL_LATER);
                    }
                }
            }
            sentences.forEach((sentence, call) -> System.out.println(sentence + " (" + call + ")"));
            System.out.println(
                    points + " points, " + ended + " ended with a sentence, " + wrong + " were wrong; open files " + files + " and "
                            + count("fd") + ", threads " + threads + " and " + count("task"));
            return wrong == 0 && count("fd") <= files + 2 && count("task") <= threads + 4; // the compiler's come and go
        }

        /** What the process holds: {@code fd}, its open files, or {@code task}, its threads. */
        private static long count(String what) throws IOException {
            try (Stream<Path> entries = Files.list(Path.of("/proc/self", what))) {
                return entries.count();
            }
        }

        private long count(Scenario scenario, Kind kind) throws IOException {
            Path out = begin(scenario);
            SystemFaults.arm(kind, ALL_LATER, ALL_LATER);
            train(out, new Recorder(), 6);
            long calls = SystemFaults.disarm();
            delete(out);
            return calls;
        }

        private void point(Scenario scenario, Kind kind, long first, long last) throws IOException {
            Path out = begin(scenario);
            Recorder recorder = new Recorder();
            Throwable failure = null;
            SystemFaults.arm(kind, first, last);
            try {
                train(out, recorder, 6);
            } catch (Throwable e) {
                failure = e;
            }
            SystemFaults.disarm();
            long files = count("fd");
            String where = scenario + ", " + kind + " " + first + (last == first ? "" : " and all after it") + " (" + SystemFaults.last()
                    + ")";
            points++;
            try {
                if (failure != null) {
                    ended++;
                    assertTrue(SystemFaults.struck() > 0, "failed without a fault");
                    requireSentence(failure);
                    sentences.putIfAbsent(failure.getMessage().replace(out.toString(), "OUT").replaceAll("-\\d+", "-N"),
                            kind + " " + SystemFaults.last());
                }
                assertEquals(0, DuetCpu.duet_allocated(), "native memory is held on to");
                requireWhole(out, recorder);
                train(out, new Recorder(), 6);
                requireSame(out);
                assertTrue(files <= open, "open files: " + files + " in place of " + open);
            } catch (Throwable e) {
                wrong++;
                System.out.println("WRONG " + where + ": " + e);
                (failure == null || wrong > 3 ? e : failure).printStackTrace(System.out);
            }
            open = count("fd");
            delete(out);
        }

        private Path begin(Scenario scenario) throws IOException {
            Path out = folder.resolve("out");
            if (scenario == Scenario.RESUMED) {
                Files.createDirectory(out);
                try (Stream<Path> files = Files.list(half)) {
                    for (Path file : files.toList()) {
                        Files.copy(file, out.resolve(file.getFileName()));
                    }
                }
            }
            return out;
        }

        /** What the command line turns into one sentence. */
        private static void requireSentence(Throwable failure) {
            switch (failure) {
                case DeviceException e -> {}
                case TrainingException e -> {}
                case FileException e -> {}
                case SafetensorsException e -> {}
                default -> throw new AssertionError("no sentence for a person", failure);
            }
            assertTrue(failure.getMessage().length() > 10 && failure.getMessage().lines().count() == 1, failure.getMessage());
        }

        private static void requireWhole(Path out, Recorder recorder) {
            List<Path> saved = OutputFolder.checkpoints(out).stream().map(OutputFolder.Saved::file).toList();
            saved.forEach(Checkpoint::read);
            if (!recorder.checkpoints.isEmpty()) {
                assertTrue(saved.contains(recorder.checkpoints.getLast()), recorder.checkpoints.getLast() + " is gone");
            }
        }

        private void requireSame(Path out) throws IOException {
            for (OutputFolder.Saved saved : OutputFolder.checkpoints(alone)) { // a fault may have left an older one besides
                assertArrayEquals(Files.readAllBytes(saved.file()), Files.readAllBytes(out.resolve(saved.file().getFileName())));
            }
            assertEquals(KillTest.metrics(alone), KillTest.metrics(out));
            try (Stream<Path> files = Files.list(out)) {
                List<Path> temporary = files.filter(file -> file.toString().endsWith(".tmp")).toList();
                assertEquals(List.of(), temporary);
            }
        }

        private static void delete(Path out) throws IOException {
            List<Path> files = new ArrayList<>();
            if (Files.exists(out)) {
                try (Stream<Path> all = Files.walk(out)) {
                    all.forEach(files::add);
                }
            }
            for (Path file : files.reversed()) {
                Files.delete(file);
            }
        }

        /** Begins or resumes, and trains to a step. */
        private static void train(Path out, Recorder recorder, int steps) {
            TrainingOptions options = Tiny.options().toBuilder().steps(steps).checkpointEvery(2).keepCheckpoints(2).output(out).build();
            Split data = new Split(new Tiny.Patterns(20, Tiny.CLASSES, 1), new Tiny.Patterns(8, Tiny.CLASSES, 2));
            try (Backend backend = Backends.open("cpu", 2);
                    Trainer trainer = OutputFolder.checkpoints(out).isEmpty()
                            ? Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, data, options)
                            : Trainer.resume(Checkpoint.read(out, warning -> {}), Placement.ONE_DEVICE, backend, data, options)) {
                trainer.train(recorder);
            }
        }
    }
}
