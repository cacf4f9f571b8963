package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;

import duet.ChildJava;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.OutputFolder;
import duet.train.output.TrainingListener;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Killed with SIGKILL at random moments and resumed each time, a training on two devices ends with the same bits as one left alone. */
class KillTest {
    private static final int KILLS = Integer.getInteger("duet.kills", 4);

    @TempDir
    private Path parent;

    private static TrainingOptions options(Path out) {
        return Tiny.options().toBuilder().epochs(12).checkpointEvery(9).output(out)
                .learningRate(new LearningRate.Plateau(0.02, 0.5, 3, 4)).build();
    }

    /** Begins or resumes and trains to the end, unless it is killed. */
    public static void main(String[] arguments) {
        train(Path.of(arguments[0]), new Recorder(event -> pause()));
    }

    /** So that there is time to be killed in. */
    private static void pause() {
        try {
            Thread.sleep(5);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void train(Path out, TrainingListener listener) {
        try (Backend backend = Tiny.backend(2);
                Trainer trainer = OutputFolder.checkpoints(out).isEmpty()
                        ? Trainer.create(Tiny.network(), Placement.TWO_TOWERS, backend, Tiny.data(), options(out))
                        : Trainer.resume(Checkpoint.read(out), Placement.TWO_TOWERS, backend, Tiny.data(), options(out))) {
            System.out.println("begins at " + trainer.snapshot().state().step());
            trainer.train(listener);
        }
    }

    @Test
    void endsAsIfNothingHadHappened() throws Exception {
        Path alone = parent.resolve("alone");
        train(alone, TrainingListener.SILENT);
        long seed = Long.getLong("duet.seed", 1);
        System.out.println("KillTest: -Dduet.seed=" + seed + " -Dduet.kills=" + KILLS);
        Random random = new Random(seed);
        Path killed = parent.resolve("killed");
        int survived = 0;
        for (int kill = 0; kill < KILLS; kill++) {
            Process child = ChildJava.start(List.of(), KillTest.class, killed.toString());
            try (BufferedReader output = child.inputReader()) {
                output.readLine(); // kills before this one fall into a JVM that starts
                survived += child.waitFor(random.nextInt(250), TimeUnit.MILLISECONDS) ? 1 : 0;
            } finally {
                child.destroyForcibly().waitFor();
            }
        }
        assertTrue(survived < KILLS, "no kill came before the end");
        train(killed, TrainingListener.SILENT);
        assertEquals(metrics(alone), metrics(killed));
        List<OutputFolder.Saved> last = OutputFolder.checkpoints(alone);
        assertEquals(last.size(), OutputFolder.checkpoints(killed).size());
        for (OutputFolder.Saved saved : last) {
            assertArrayEquals(Files.readAllBytes(saved.file()), Files.readAllBytes(killed.resolve(saved.file().getFileName())));
        }
    }

    static List<String> metrics(Path out) throws IOException {
        return Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                .map(line -> line.replaceAll(",\"imagesPerSecond\":[^}]*}", "")).toList();
    }
}
