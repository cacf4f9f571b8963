package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

import duet.cli.output.ExitCode;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** No room: one sentence, a failure's exit code, and what was written before is whole. */
class FullDiskTest {
    @TempDir
    private Path temporary;

    private static void assertOneSentence(Outcome outcome, String part) {
        assertEquals(ExitCode.FAILED, outcome.code(), outcome::toString);
        assertEquals(1, outcome.errLines().size(), outcome::toString);
        assertTrue(outcome.err().startsWith("duet: ") && outcome.err().contains(part), outcome::toString);
    }

    /** Files may not grow beyond 64 KiB, as on a full disk. */
    @Test
    void noRoomForTheFirstCheckpoint() throws Exception {
        assertEquals(0, Outcome.of("devices").code(), "libraries are unpacked");
        Path out = temporary.resolve("out");
        List<String> limited = List.of("bash", "-c", "ulimit -f 64 && exec \"$@\"", "bash");
        try (DuetProcess process = DuetProcess.start(limited, temporary.resolve("stderr"), Runs.train(out, 2, 0, "--quiet"))) {
            assertOneSentence(process.finish(), "checkpoint-");
        }
        try (var files = Files.list(out)) {
            List<String> left = files.map(file -> file.getFileName().toString()).filter(name -> name.contains("checkpoint")).toList();
            assertEquals(List.of(), left, "no part of a checkpoint is left");
        }
        Outcome again = Outcome.of(Runs.train(out, 2, 0, "--quiet"));
        assertEquals(0, again.code(), () -> "with room the same command begins again: " + again);
    }

    /** A small file system of its own, which fills up in the middle of a training. */
    @Test
    void noRoomForALaterCheckpoint() throws Exception {
        Path whole = temporary.resolve("whole");
        assertEquals(0, Outcome.of(Runs.train(whole, 2, 0)).code());
        long checkpoint = largest(whole);
        Path disk = Files.createDirectory(temporary.resolve("disk"));
        Process mount = new ProcessBuilder("mount", "-t", "tmpfs", "-o", "size=" + (checkpoint * 3 / 2 / 4096 * 4096), "tmpfs",
                disk.toString())
                .redirectErrorStream(true).start();
        String reason = new String(mount.getInputStream().readAllBytes());
        assumeTrue(mount.waitFor() == 0, "a file system can only be mounted by root: " + reason.strip());
        try {
            Path out = disk.resolve("out");
            assertOneSentence(Outcome.of(Runs.train(out, 4, 0, "--quiet")), "checkpoint-");
            assertEquals(0, Checkpoint.read(out).state().step(), "the first checkpoint is whole");
        } finally {
            assertEquals(0, new ProcessBuilder("umount", disk.toString()).inheritIO().start().waitFor());
        }
    }

    private static long largest(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(Path::toFile).mapToLong(File::length).max().orElseThrow();
        }
    }

    @Test
    void noRoomForStandardOutput() throws Exception {
        File full = new File("/dev/full");
        assumeTrue(full.exists(), "there is no /dev/full");
        Path err = temporary.resolve("stderr");
        Process process = new ProcessBuilder(DuetProcess.command("networks")).redirectOutput(full).redirectError(err.toFile()).start();
        int code = process.waitFor();
        assertOneSentence(new Outcome(code, "", Files.readString(err)), "standard output cannot be written");
        assertFalse(Files.readString(err).contains("Exception"));
    }
}
