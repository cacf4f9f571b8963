package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import duet.cli.output.ExitCode;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Trainings of several processes, started by each MPI that is installed: the same bits as one process, and how they end when one is lost.
 */
@Execution(ExecutionMode.CONCURRENT)
class MpiTest {
    private static final int STEPS = 12;
    private static final String STEP = "\"event\":\"train\"";

    @TempDir
    private Path temporary;

    private static String[] train(Path folder, String... more) {
        return Stream
                .concat(Stream.of("train", "--data", "synthetic:1x28x28:10:96", "--batch", "16", "--parts", "4", "--threads", "1", "--json",
                        "--out", folder.toString()), Arrays.stream(more))
                .toArray(String[]::new);
    }

    private Outcome run(List<String> wrapper, String... arguments) throws Exception {
        try (DuetProcess process = DuetProcess.start(wrapper, temporary.resolve("stderr"), arguments)) {
            return process.finish();
        }
    }

    private void requireDone(List<String> wrapper, String... arguments) throws Exception {
        Outcome outcome = run(wrapper, arguments);
        assertEquals(0, outcome.code(), outcome::toString);
    }

    private Path alone() throws Exception {
        Path folder = temporary.resolve("alone");
        requireDone(List.of(), train(folder, "--devices", "cpu", "--steps", Integer.toString(STEPS)));
        return folder;
    }

    @ParameterizedTest
    @EnumSource
    void sameBitsOnOneTwoAndFour(MpiLauncher launcher) throws Exception {
        List<String> two = launcher.start(2);
        Path alone = alone();
        Path byTwo = temporary.resolve("two");
        requireDone(two, train(byTwo, "--steps", Integer.toString(STEPS)));
        Runs.assertSame(alone, byTwo);
        Path byFour = temporary.resolve("four");
        requireDone(launcher.start(4), train(byFour, "--steps", Integer.toString(STEPS)));
        Runs.assertSame(alone, byFour);
    }

    /** A signal that the launcher hands on stops four; two go on, and one ends it. */
    @ParameterizedTest
    @EnumSource
    void stoppedOnFourResumedOnTwoThenOnOne(MpiLauncher launcher) throws Exception {
        List<String> four = launcher.start(4);
        Path folder = temporary.resolve("stopped");
        try (DuetProcess process = DuetProcess.start(four, temporary.resolve("stderr"),
                train(folder, "--steps", Integer.toString(STEPS)))) {
            assertTrue(process.awaitLines(STEP, 3), "no steps");
            process.signal("USR1");
            Outcome outcome = process.finish();
            assertTrue(outcome.err().contains("go on with: ./duet train --resume " + folder), outcome::toString);
            assertFalse(outcome.err().contains("rank "), outcome::toString); // the first one speaks for all
        }
        requireDone(launcher.start(2), "train", "--resume", folder.toString(), "--steps", Integer.toString(STEPS - 2));
        requireDone(List.of(), "train", "--resume", folder.toString(), "--devices", "cpu", "--steps",
                Integer.toString(STEPS));
        Runs.assertSame(alone(), folder);
    }

    /** Two towers in each process; what they have begun one goes on with, as the checkpoint says. */
    @ParameterizedTest
    @EnumSource
    void groupsOfDevices(MpiLauncher launcher) throws Exception {
        List<String> two = launcher.start(2);
        Path alone = temporary.resolve("alone");
        requireDone(List.of(), train(alone, "--devices", "cpu,cpu", "--placement", "data,towers", "--steps", Integer.toString(STEPS)));
        Path folder = temporary.resolve("groups");
        requireDone(two, train(folder, "--placement", "data,towers", "--steps", Integer.toString(STEPS - 2)));
        requireDone(List.of(), "train", "--resume", folder.toString(), "--devices", "cpu,cpu", "--steps", Integer.toString(STEPS));
        Runs.assertSame(alone, folder);
    }

    /** One that is stopped answers nobody: the others, who wait for one another too, say which one it is and end, and nothing is lost. */
    @ParameterizedTest
    @EnumSource
    void oneThatHangsIsNamed(MpiLauncher launcher) throws Exception {
        List<String> wrapper = launcher.numbered(4, temporary);
        Path folder = temporary.resolve("hanging");
        try (DuetProcess process = DuetProcess.start(wrapper, temporary.resolve("stderr"),
                train(folder, "--steps", "100000", "--checkpoint-every", "1", "--patience", "20"))) {
            assertTrue(process.awaitLines(STEP, 3), "no steps");
            String stopped = MpiLauncher.number(2, temporary);
            DuetProcess.signal("STOP", stopped);
            Outcome outcome = process.finish();
            DuetProcess.signal("KILL", stopped); // it may be there still
            assertEquals(ExitCode.RANK_LOST, outcome.code(), outcome::toString);
            List<String> told = outcome.errLines().stream().filter(line -> line.contains(" not answered about ")).toList();
            assertFalse(told.isEmpty(), outcome::toString);
            for (String line : told) {
                assertTrue(line.matches(".*duet: rank 2 \\([^,]*\\) has .* for 20 s after step .*"), outcome::toString);
                assertTrue(!line.startsWith("duet: ") || line.contains("the last checkpoint is " + folder), outcome::toString);
            }
        }
        requireDone(List.of(), "train", "--resume", folder.toString(), "--devices", "cpu", "--steps", "1");
    }

    @ParameterizedTest
    @EnumSource
    void oneThatIsKilledEndsAll(MpiLauncher launcher) throws Exception {
        List<String> wrapper = launcher.numbered(2, temporary);
        Path folder = temporary.resolve("killed");
        try (DuetProcess process = DuetProcess.start(wrapper, temporary.resolve("stderr"),
                train(folder, "--steps", "100000", "--checkpoint-every", "1"))) {
            assertTrue(process.awaitLines(STEP, 3), "no steps");
            DuetProcess.signal("KILL", MpiLauncher.number(1, temporary));
            assertFalse(process.finish().code() == 0);
        }
        requireDone(List.of(), "train", "--resume", folder.toString(), "--devices", "cpu", "--steps", "1");
    }

    /** Two that were told different things never begin. */
    @ParameterizedTest
    @EnumSource
    void whoWasToldSomethingElseIsNamed(MpiLauncher launcher) throws Exception {
        List<String> wrapper = new ArrayList<>(launcher.start(2));
        wrapper.addAll(List.of("sh", "-c", "exec \"$@\" --momentum 0." + MpiLauncher.RANK + "5", "sh"));
        Outcome outcome = run(wrapper, train(temporary.resolve("differing"), "--steps", "2"));
        assertFalse(outcome.code() == 0, outcome::toString);
        assertTrue(outcome.err().contains("duet: the option momentum must be the same for all processes: rank 0 (")
                && outcome.err().contains(" has 0.15"), outcome::toString);
    }

    /** As when mpirun is one MPI's and the library another's: each process would train on its own and write to the same folder. */
    @ParameterizedTest
    @EnumSource
    void launcherAndLibraryBelongTogether(MpiLauncher launcher) throws Exception {
        launcher.start(2);
        List<String> wrapper = launcher == MpiLauncher.MPICH ? List.of("env", "PMI_RANK=0", "PMI_SIZE=2")
                : List.of("env", "OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=2");
        Outcome outcome = run(wrapper, train(temporary.resolve("strange"), "--steps", "2"));
        assertEquals(ExitCode.FAILED, outcome.code(), outcome::toString);
        assertTrue(outcome.err().contains("launcher and library do not belong together"), outcome::toString);
    }

    /** The first one's failure is told once. */
    @ParameterizedTest
    @EnumSource
    void oneSentenceForAll(MpiLauncher launcher) throws Exception {
        Path folder = Files.createDirectory(temporary.resolve("full"));
        Files.writeString(folder.resolve("a file"), "of somebody");
        Outcome outcome = run(launcher.start(4), train(folder, "--steps", "2"));
        assertFalse(outcome.code() == 0, outcome::toString);
        assertEquals(1, outcome.errLines().stream().filter(line -> line.contains(folder.toString())).count(), outcome::toString);
    }
}
