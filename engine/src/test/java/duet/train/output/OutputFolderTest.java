package duet.train.output;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import duet.ChildJava;
import duet.train.schedule.TrainingException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutputFolderTest {
    @TempDir
    private Path parent;

    private static void assertRefused(String message, Runnable action) {
        assertEquals(message, assertThrows(TrainingException.class, action::run).getMessage());
    }

    @Test
    void aNewTrainingNeedsAnEmptyFolder() throws IOException {
        Path folder = parent.resolve("out");
        OutputFolder.requireNew(folder);
        assertFalse(Files.exists(folder));
        Files.createDirectory(folder);
        Files.createFile(folder.resolve(".lock"));
        Files.createFile(folder.resolve(".checkpoint-00000000.safetensors.77.tmp"));
        Path metrics = Files.createFile(folder.resolve("metrics.jsonl"));
        OutputFolder.requireNew(folder);
        Files.createFile(folder.resolve("letter.txt"));
        assertRefused(folder + ": already holds letter.txt, but no checkpoint to go on from; choose another --out",
                () -> OutputFolder.requireNew(folder));
        Files.writeString(metrics, "{}\n");
        Files.createFile(folder.resolve("checkpoint-00000007.safetensors"));
        assertRefused(
                folder + ": already holds checkpoint-00000007.safetensors; go on with its training by --resume, or choose another --out",
                () -> OutputFolder.requireNew(folder));
        Path file = folder.resolve("letter.txt");
        assertRefused(file + ": not a folder; choose another --out", () -> OutputFolder.requireNew(file));
    }

    @Test
    void onlyOneTrainingAtATime() {
        Path folder = parent.resolve("a/b");
        try (OutputFolder first = OutputFolder.open(folder)) {
            assertEquals(folder.resolve("x"), first.file("x"));
            assertRefused(folder + ": another training is writing here; wait for it, or choose another --out",
                    () -> OutputFolder.open(folder));
        }
        OutputFolder.open(folder).close();
    }

    /** From another process, as it is in life; Java's own check within one process is another path. */
    @Test
    void anotherProcessIsKeptOutToo() throws Exception {
        Path folder = parent.resolve("out");
        Process other = ChildJava.start(List.of(), Holder.class, folder.toString());
        try {
            assertEquals('!', other.getInputStream().read());
            assertRefused(folder + ": another training is writing here; wait for it, or choose another --out",
                    () -> OutputFolder.open(folder));
        } finally {
            other.destroyForcibly().waitFor();
        }
        OutputFolder.open(folder).close(); // a killed process leaves no lock behind
    }

    /** Asking changes nothing for the one that writes, whether it is another process or this one. */
    @Test
    void whetherATrainingIsWriting() throws Exception {
        Path folder = parent.resolve("out");
        assertFalse(OutputFolder.busy(folder));
        Process other = ChildJava.start(List.of(), Holder.class, folder.toString());
        try {
            assertEquals('!', other.getInputStream().read());
            assertTrue(OutputFolder.busy(folder));
            assertTrue(OutputFolder.busy(folder), "still");
        } finally {
            other.destroyForcibly().waitFor();
        }
        assertFalse(OutputFolder.busy(folder));
        try (OutputFolder own = OutputFolder.open(folder)) {
            assertTrue(OutputFolder.busy(folder), own::toString);
            assertRefused(folder + ": another training is writing here; wait for it, or choose another --out",
                    () -> OutputFolder.open(folder));
            Process asks = ChildJava.start(List.of(), Asker.class, folder.toString());
            assertEquals("true", new String(asks.getInputStream().readAllBytes(), StandardCharsets.UTF_8), "the lock outlives questions");
        }
        assertFalse(OutputFolder.busy(folder));
    }

    /** Says whether a folder is written to. */
    static final class Asker {
        private Asker() {}

        public static void main(String[] folder) {
            System.out.print(OutputFolder.busy(Path.of(folder[0])));
            System.out.flush();
        }
    }

    /** Holds a folder until it is killed. */
    static final class Holder {
        private Holder() {}

        public static void main(String[] folder) throws Exception {
            try (OutputFolder held = OutputFolder.open(Path.of(folder[0]))) {
                System.out.print(held == null ? "?" : "!");
                System.out.flush();
                Thread.sleep(60_000);
            }
        }
    }

    @Test
    void whatAKilledProcessLeftHalfWrittenGoes() throws IOException {
        Path leftover = Files.createFile(parent.resolve(".checkpoint-00000003.safetensors.4711.tmp"));
        Path other = Files.createFile(parent.resolve(".hidden"));
        OutputFolder.open(parent).close();
        assertFalse(Files.exists(leftover));
        assertTrue(Files.exists(other));
    }

    @Test
    void theLatestCheckpointsStay() {
        try (OutputFolder folder = OutputFolder.open(parent)) {
            for (long step : new long[] {0, 9, 10, 99_999_999, 100_000_000}) {
                CheckpointTest.checkpoint(null).write(folder.checkpointFile(step));
            }
            assertEquals("checkpoint-00000009.safetensors", folder.checkpointFile(9).getFileName().toString());
            folder.prune(3, -1);
            assertEquals(List.of(10L, 99_999_999L, 100_000_000L),
                    OutputFolder.checkpoints(parent).stream().map(OutputFolder.Saved::step).toList());
            folder.prune(5, -1);
            assertEquals(3, OutputFolder.checkpoints(parent).size());
            folder.prune(1, 10);
            assertEquals(List.of(10L, 100_000_000L), OutputFolder.checkpoints(parent).stream().map(OutputFolder.Saved::step).toList());
        }
    }

    @Test
    void laterCheckpointsStandInTheWayUnlessTheyAreDamaged() throws IOException {
        List<String> warnings = new ArrayList<>();
        try (OutputFolder folder = OutputFolder.open(parent)) {
            CheckpointTest.checkpoint(null).write(folder.checkpointFile(5));
            Files.writeString(folder.checkpointFile(8), "damaged");
            folder.requireLatest(5, warnings::add);
            assertTrue(Files.exists(parent.resolve("checkpoint-00000008.safetensors.damaged")));
            assertEquals(List.of(folder.checkpointFile(8) + ": is damaged and has been renamed to checkpoint-00000008.safetensors.damaged"),
                    warnings);
            assertRefused(parent + ": holds checkpoint-00000005.safetensors, which is later than step 4; resume from the folder, or choose "
                    + "another --out", () -> folder.requireLatest(4, warnings::add));
        }
    }

    @Test
    void aFolderThatCannotBeMade() throws IOException {
        Path file = Files.createFile(parent.resolve("file"));
        String message = assertThrows(TrainingException.class, () -> OutputFolder.open(file.resolve("out"))).getMessage();
        assertEquals(file.resolve("out") + ": cannot be used for output: not a directory", message);
    }
}
