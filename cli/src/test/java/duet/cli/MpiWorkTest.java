package duet.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

import duet.cli.output.ExitCode;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What several processes share out besides training: the same files as from one process; and what becomes of all when one of them lacks
 * room.
 */
@Execution(ExecutionMode.CONCURRENT)
class MpiWorkTest {
    /** Bytes, fewer than a checkpoint or a shard has. */
    private static final int ROOM = 60_000;
    private static final int WAIT_SECONDS = 60;

    @TempDir
    private Path temporary;

    private Outcome run(List<String> wrapper, String... arguments) throws Exception {
        try (DuetProcess process = DuetProcess.start(wrapper, temporary.resolve("stderr"), arguments)) {
            return process.finish();
        }
    }

    private void requireDone(List<String> wrapper, String... arguments) throws Exception {
        Outcome outcome = run(wrapper, arguments);
        assertEquals(0, outcome.code(), outcome::toString);
        assertEquals("", String.join("\n", outcome.errLines().stream().filter(line -> line.contains("rank ")).toList()));
    }

    /** From now on the process's files may not become larger, as on a full disk. */
    private void fill(int rank) throws IOException, InterruptedException {
        Process limit = new ProcessBuilder("prlimit", "--pid", MpiLauncher.number(rank, temporary), "--fsize=" + ROOM)
                .redirectErrorStream(true).start();
        assertEquals(0, limit.waitFor());
    }

    private static void requirePrlimit() throws InterruptedException {
        try {
            new ProcessBuilder("prlimit", "--version").redirectErrorStream(true).start().waitFor();
        } catch (IOException e) {
            assumeTrue(false, "prlimit is not installed: " + e.getMessage());
        }
    }

    private static void requireSameFiles(Path expected, Path actual) throws IOException {
        assertEquals(names(expected), names(actual));
        for (String name : names(expected)) {
            assertArrayEquals(Files.readAllBytes(expected.resolve(name)), Files.readAllBytes(actual.resolve(name)), name);
        }
    }

    private static List<String> names(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @ParameterizedTest
    @EnumSource
    void featuresAreThoseOfOneProcess(MpiLauncher launcher) throws Exception {
        List<String> three = launcher.start(3);
        Path net = temporary.resolve("run");
        assertEquals(0, Outcome.of(Runs.train(net, 2, 0, "--quiet")).code());
        Path alone = temporary.resolve("alone.safetensors");
        requireDone(List.of(), "features", net.toString(), "--layer", "relu6", "--batch", "40", "--devices", "cpu", "-o", alone.toString());
        Path shared = temporary.resolve("shared.safetensors");
        Outcome outcome = run(three, "features", net.toString(), "--layer", "relu6", "--batch", "40", "-o", shared.toString());
        assertEquals(0, outcome.code(), outcome::toString);
        assertTrue(outcome.out().contains("in each of 3 processes ("), outcome::toString);
        assertEquals(1, outcome.outLines().stream().filter(line -> line.startsWith("features ")).count(), outcome::toString);
        assertArrayEquals(Files.readAllBytes(alone), Files.readAllBytes(shared));
    }

    private static String[] prepare(Path folder) {
        return new String[] {"data", "prepare", "synthetic:3x96x96:5:3000", folder.toString(), "--shard-images", "30", "--threads", "1",
                "--encoding", "jpeg"};
    }

    /** Killed, the other ends with it; then the same command goes on, with another number of processes, to the same bytes. */
    @ParameterizedTest
    @EnumSource
    void shardsAreThoseOfOneProcess(MpiLauncher launcher) throws Exception {
        List<String> two = launcher.numbered(2, temporary);
        Path alone = temporary.resolve("alone");
        requireDone(List.of(), prepare(alone));
        Path shared = temporary.resolve("shared");
        try (DuetProcess process = DuetProcess.start(two, temporary.resolve("stderr"), prepare(shared))) {
            awaitShards(shared, 2);
            DuetProcess.signal("KILL", MpiLauncher.number(1, temporary));
            assertFalse(process.finish().code() == 0);
        }
        assertFalse(Files.exists(shared.resolve("manifest.json")), "killed in the middle");
        requireDone(launcher.start(3), prepare(shared));
        requireSameFiles(alone, shared);
    }

    private static void awaitShards(Path folder, int count) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
        while (!Files.isDirectory(folder) || names(folder).stream().filter(name -> name.endsWith(".shard")).count() < count) {
            assertTrue(System.nanoTime() < end, "no shards");
            Thread.sleep(5);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aProcessWithoutRoomForItsShardsIsNamed(MpiLauncher launcher) throws Exception {
        List<String> two = launcher.numbered(2, temporary);
        requirePrlimit();
        Path folder = temporary.resolve("packed");
        try (DuetProcess process = DuetProcess.start(two, temporary.resolve("stderr"), prepare(folder))) {
            awaitShards(folder, 2);
            fill(1);
            Outcome outcome = process.finish();
            assertEquals(ExitCode.FAILED, outcome.code(), outcome::toString);
            List<String> told = outcome.errLines().stream().filter(line -> line.contains("duet: ")).toList();
            assertEquals(1, told.size(), outcome::toString);
            assertTrue(told.getFirst().startsWith("duet: rank 1 (") && told.getFirst().contains("): " + folder + "/")
                    && told.getFirst().contains(".shard: cannot be written: "), outcome::toString);
        }
        assertEquals(List.of(), names(folder).stream().filter(name -> name.endsWith(".tmp") || name.equals("manifest.json")).toList());
        requireDone(two, prepare(folder));
    }

    @ParameterizedTest
    @EnumSource
    void noRoomForACheckpointEndsAll(MpiLauncher launcher) throws Exception {
        List<String> two = launcher.numbered(2, temporary);
        requirePrlimit();
        Path folder = temporary.resolve("out");
        try (DuetProcess process = DuetProcess.start(two, temporary.resolve("stderr"), "train", "--data",
                "synthetic:1x28x28:10:96", "--batch", "16", "--threads", "1", "--json", "--out", folder.toString(), "--steps", "100000",
                "--checkpoint-every", "1")) {
            assertTrue(process.awaitLines("\"event\":\"train\"", 3), "no steps");
            fill(0);
            Outcome outcome = process.finish();
            assertEquals(ExitCode.FAILED, outcome.code(), outcome::toString);
            assertEquals(1, outcome.errLines().stream().filter(line -> line.contains("cannot be written: ")
                    && !line.contains("warning")).count(), outcome::toString);
            assertTrue(outcome.err().contains("duet: " + folder + "/checkpoint-"), outcome::toString);
        }
        assertTrue(Checkpoint.read(folder).state().step() >= 1, "the last checkpoint is whole");
        assertEquals(List.of(), names(folder).stream().filter(name -> name.endsWith(".tmp")).toList());
        requireDone(two, "train", "--resume", folder.toString(), "--threads", "1", "--steps", "1");
    }

    /** What is wrong with the command line is told once, whether or not the launcher ends the others. */
    @ParameterizedTest
    @EnumSource
    void aWrongCommandLineIsToldOnce(MpiLauncher launcher) throws Exception {
        Outcome outcome = run(launcher.start(3), "features", "nothere");
        assertEquals(ExitCode.BAD_USAGE, outcome.code(), outcome::toString);
        assertEquals(1, outcome.errLines().stream().filter(line -> line.contains("missing required option")).count(), outcome::toString);
    }

    /** Java's memory of one process is too small: it says so after its name, and all end. */
    @ParameterizedTest
    @EnumSource
    void oneWithoutMemoryEndsAll(MpiLauncher launcher) throws Exception {
        List<String> wrapper = new ArrayList<>(launcher.start(2));
        wrapper.addAll(List.of("sh", "-c", "[ " + MpiLauncher.RANK + " = 0 ] || export _JAVA_OPTIONS=-Xmx8m; exec \"$@\"", "sh"));
        Outcome outcome = run(wrapper, "train", "--data", "synthetic:1x28x28:10:96", "--batch", "64", "--threads", "1", "--out",
                temporary.resolve("out").toString(), "--steps", "4", "--patience", "20");
        assertFalse(outcome.code() == 0, outcome::toString);
        assertEquals(1, outcome.errLines().stream().filter(line -> line.startsWith("rank 1")
                && line.contains(": duet: Java ran out of memory (")).count(), outcome::toString);
    }
}
