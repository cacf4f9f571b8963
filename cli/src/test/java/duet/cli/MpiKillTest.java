package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;

import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A training of one, two or four processes, one of which is killed at any moment, again and again, and which goes on with another number of
 * them: it ends with the bits of one process that was left alone. {@code -Dduet.faults=all} kills a hundred times.
 */
@Execution(ExecutionMode.CONCURRENT)
class MpiKillTest {
    private static final int KILLS = System.getProperty("duet.faults", "some").equals("all") ? 100 : 3;
    private static final int STEPS = 20 * KILLS;
    private static final int WAIT_SECONDS = 60;
    private static final String STEP = "\"event\":\"train\"";

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @EnumSource
    void killedEndsWithTheSameBits(MpiLauncher launcher) throws Exception {
        long seed = Long.getLong("duet.seed", System.nanoTime());
        System.out.println("MpiKillTest: -Dduet.seed=" + seed);
        Random random = new Random(seed);
        launcher.start(1);
        Path alone = temporary.resolve("alone");
        finish(List.of(), begin(alone));
        Path killed = temporary.resolve("killed");
        long millisToFirstStep = 2000;
        for (int kills = 0; kills < KILLS; kills++) {
            int processes = 1 << random.nextInt(3);
            long start = System.nanoTime();
            forget();
            try (DuetProcess process = DuetProcess.start(launcher.numbered(processes, temporary), temporary.resolve("stderr"),
                    beginOrGoOn(killed))) {
                if (random.nextInt(4) > 0) {
                    await(process, 1);
                    millisToFirstStep = (System.nanoTime() - start) / 1_000_000;
                    await(process, random.nextInt(5));
                    Thread.sleep(random.nextInt(10));
                } else {
                    Thread.sleep(random.nextLong(millisToFirstStep));
                }
                boolean there = DuetProcess.signal("KILL", number(random.nextInt(processes)));
                Outcome outcome = process.finish();
                assertTrue(there && outcome.code() != 0, () -> "of " + processes + " one was to be killed, but: " + outcome);
            }
        }
        finish(launcher.start(1 << random.nextInt(3)), beginOrGoOn(killed));
        Runs.assertSame(alone, killed);
    }

    private void finish(List<String> wrapper, String... arguments) throws Exception {
        try (DuetProcess process = DuetProcess.start(wrapper, temporary.resolve("stderr"), arguments)) {
            Outcome outcome = process.finish();
            assertEquals(0, outcome.code(), outcome::toString);
        }
    }

    private static void await(DuetProcess process, int steps) throws Exception {
        if (!process.awaitLines(STEP, steps)) {
            throw new AssertionError("ended by itself: " + process.finish());
        }
    }

    private static String[] begin(Path folder) {
        return new String[] {
                "train", "--data", "synthetic:1x28x28:10:480", "--batch", "8", "--parts", "4", "--devices", "cpu", "--threads", "1",
                "--seed", "7", "--json", "--checkpoint-every", "2", "--steps", Integer.toString(STEPS), "--out", folder.toString()};
    }

    /** One that was killed before its first checkpoint begins again in the same folder. */
    private static String[] beginOrGoOn(Path folder) throws IOException {
        return KillTest.hasCheckpoint(folder) ? new String[] {
                "train", "--resume", folder.toString(), "--devices", "cpu", "--threads", "1", "--json"} : begin(folder);
    }

    private void forget() throws IOException {
        for (int rank = 0; rank < 4; rank++) {
            Files.deleteIfExists(temporary.resolve("pid-" + rank));
        }
    }

    /** Of a process that the launcher starts in these moments. */
    private String number(int rank) throws IOException, InterruptedException {
        long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(WAIT_SECONDS);
        while (!Files.exists(temporary.resolve("pid-" + rank)) || MpiLauncher.number(rank, temporary).isEmpty()) {
            assertTrue(System.nanoTime() < end, () -> "process " + rank + " has not begun");
            Thread.sleep(5);
        }
        return MpiLauncher.number(rank, temporary);
    }
}
