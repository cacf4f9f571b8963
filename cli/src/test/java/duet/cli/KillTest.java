package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;

import duet.cli.output.ExitCode;
import duet.train.output.Checkpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Training processes that end in every way but the good one, and go on as if nothing had been. */
@Execution(ExecutionMode.CONCURRENT)
class KillTest {
    private static final int KILLS = 20;
    private static final String STEP = "\"event\":\"train\"";

    @TempDir
    private Path temporary;

    private Path err() {
        return temporary.resolve("stderr");
    }

    /** Half of the kills come some steps after the start, when checkpoints are being written; the others at any moment. */
    @Test
    void killedTwentyTimesEndsWithTheSameBits() throws Exception {
        long seed = Long.getLong("duet.seed", System.nanoTime());
        System.out.println("KillTest: -Dduet.seed=" + seed);
        Random random = new Random(seed);
        int steps = 12 * KILLS;
        Path alone = temporary.resolve("alone");
        long begin = System.nanoTime();
        long millisToFirstStep;
        try (DuetProcess process = DuetProcess.start(err(), Runs.train(alone, steps, 2))) {
            process.awaitLines(STEP, 1);
            millisToFirstStep = (System.nanoTime() - begin) / 1_000_000;
            assertEquals(0, process.finish().code(), () -> "left alone");
        }
        Path killed = temporary.resolve("killed");
        for (int kills = 0; kills < KILLS;) {
            try (DuetProcess process = DuetProcess.start(err(), beginOrGoOn(killed, steps))) {
                if (random.nextBoolean()) {
                    process.awaitLines(STEP, 1 + random.nextInt(5));
                    Thread.sleep(random.nextInt(10));
                } else {
                    Thread.sleep(random.nextLong(millisToFirstStep + 50));
                }
                if (process.kill()) {
                    kills++;
                } else {
                    throw new AssertionError("ended by itself after " + kills + " kills: " + process.finish());
                }
            }
        }
        try (DuetProcess process = DuetProcess.start(err(), Runs.resume(killed))) {
            Outcome outcome = process.finish();
            assertEquals(0, outcome.code(), outcome::toString);
        }
        Runs.assertSame(alone, killed);
    }

    /** A training that was killed before its first checkpoint begins again in the same folder, as a person would begin it. */
    private static String[] beginOrGoOn(Path folder, int steps) throws Exception {
        return hasCheckpoint(folder) ? Runs.resume(folder) : Runs.train(folder, steps, 2);
    }

    static boolean hasCheckpoint(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (var files = Files.list(folder)) {
            return files.anyMatch(file -> file.toString().endsWith(".safetensors"));
        }
    }

    @ParameterizedTest
    @CsvSource({"TERM,143", "INT,130", "HUP,129"})
    void signalsEndWithACheckpoint(String signal, int code) throws Exception {
        List<String> wrapper = List.of("env", "--default-signal=" + signal);
        assumeTrue(new ProcessBuilder("env", "--default-signal=" + signal, "true").start().waitFor() == 0,
                "env cannot reset signals that the caller ignores");
        Path folder = temporary.resolve("stopped");
        Outcome outcome;
        try (DuetProcess process = DuetProcess.start(wrapper, err(), Runs.train(folder, 100_000, 0))) {
            assertTrue(process.awaitLines(STEP, 3), "no steps");
            process.signal(signal);
            outcome = process.finish();
        }
        assertEquals(code, outcome.code(), outcome::toString);
        assertTrue(outcome.err().contains("go on with: ./duet train --resume " + folder), outcome::toString);
        long stoppedAt = Runs.metrics(folder).stream().filter(line -> line.contains(STEP)).count();
        Outcome resumed = Outcome.of(Runs.resume(folder, "--steps", Long.toString(stoppedAt + 2)));
        assertEquals(0, resumed.code(), resumed::toString);
        assertEquals(2, resumed.outLines().stream().filter(line -> line.contains(STEP)).count(), "no step is lost or done twice");
    }

    @Test
    void hangupOfTheOutputPipeKeepsTheState() throws Exception {
        Path folder = temporary.resolve("piped");
        try (DuetProcess process = DuetProcess.start(err(), Runs.train(folder, 100_000, 0))) {
            assertTrue(process.awaitLines(STEP, 3), "no steps");
            process.stopReading();
            Outcome outcome = process.ended();
            assertEquals(ExitCode.HUNG_UP, outcome.code(), outcome::toString);
            assertTrue(outcome.err().contains("--resume " + folder), outcome::toString);
        }
        assertTrue(Checkpoint.read(folder).state().step() >= 3);
    }
}
