package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

import duet.device.Backend;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.OutputFolder;
import duet.train.output.TrainingListener;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** When a training ends, and how it goes on. */
class TrainingEndTest {
    @TempDir
    private Path parent;

    @Test
    void aBatchLargerThanTheDataIsAnEpoch() {
        Recorder recorder = new Recorder();
        Trainer.Result result = Tiny.train(Tiny.options().toBuilder().batch(512).epochs(3).build(), Tiny.data(), recorder);
        assertEquals(3, result.steps());
        assertEquals(List.of(1.0, 2.0, 3.0), recorder.validations.stream().map(Metrics::epoch).toList());
        assertEquals(1, recorder.warnings.size());
        String warning = recorder.warnings.getFirst();
        assertTrue(warning.contains("512") && warning.contains("all 44 training images"), warning);
    }

    /** A stop ends the call that it came to, not the training. */
    @Test
    void goesOnWhenCalledAgain() {
        TrainingOptions options = Tiny.options().toBuilder().epochs(2).build();
        try (Backend backend = Tiny.backend(1);
                Trainer alone = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options);
                Backend another = Tiny.backend(1);
                Trainer stopped = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, another, Tiny.data(), options)) {
            alone.train(TrainingListener.SILENT);
            stopped.requestStop();
            assertEquals(new Trainer.Result(Trainer.End.STOPPED, 0, null, null), stopped.train(TrainingListener.SILENT));
            Trainer.Result half = stopped.train(new Recorder(event -> {
                if (event.equals("step 4")) {
                    stopped.requestStop();
                }
            }));
            assertEquals(Trainer.End.STOPPED, half.end());
            assertEquals(4, half.steps());
            assertEquals(Trainer.End.COMPLETED, stopped.train(TrainingListener.SILENT).end());
            assertArrayEquals(alone.parameter("conv1.weight"), stopped.parameter("conv1.weight"));
        }
    }

    /** A rate of nearly 0 learns nothing, so the first validation stays the best. */
    @Test
    void stopsEarlyAndKeepsTheBest() throws IOException {
        Path out = parent.resolve("early");
        TrainingOptions options = Tiny.options().toBuilder().epochs(20).learningRate(new LearningRate.Constant(1e-12)).earlyStop(3)
                .keepCheckpoints(1).output(out).build();
        Recorder recorder = new Recorder();
        Trainer.Result result = Tiny.train(options, Tiny.data(), recorder);
        assertEquals(Trainer.End.EARLY, result.end());
        assertEquals(4, recorder.validations.size());
        assertEquals(22, result.steps());
        long best = recorder.validations.getFirst().step();
        assertEquals(List.of(best, 22L), OutputFolder.checkpoints(out).stream().map(OutputFolder.Saved::step).toList());
        assertEquals(best, Checkpoint.readBest(out, message -> {}).state().step());
        assertEquals(22, Checkpoint.read(out).state().step());
        Checkpoint last = Checkpoint.read(out);
        for (int patience : new int[] {3, 5, 0}) {
            try (Backend backend = Tiny.backend(1);
                    Trainer trainer = Trainer.resume(last, Placement.ONE_DEVICE, backend, Tiny.data(),
                            options.toBuilder().epochs(7).earlyStop(patience).output(null).build())) {
                Trainer.Result gone = trainer.train(TrainingListener.SILENT);
                assertEquals(patience == 0 ? Trainer.End.COMPLETED : Trainer.End.EARLY, gone.end());
                assertEquals(patience == 3 ? 22 : patience == 5 ? 33 : 39, gone.steps());
            }
        }
        Files.delete(out.resolve("checkpoint-0000000" + best + ".safetensors"));
        List<String> warnings = new ArrayList<>();
        assertEquals(22, Checkpoint.readBest(out, warnings::add).state().step());
        assertTrue(warnings.getFirst().contains("after step " + best + ", is gone"), warnings::toString);
    }
}
