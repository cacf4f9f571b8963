package duet.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

import duet.device.Backend;
import duet.plan.Placement;
import duet.plan.Placements;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DivergenceTest {
    @TempDir
    private Path parent;

    private static Checkpoint start() {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), Tiny.options())) {
            return trainer.snapshot();
        }
    }

    /** With huge weights in a layer its output overflows: that layer is named, not the later ones which are infected. */
    private static TrainingDivergedException diverged(Checkpoint start, String parameter, Placement placement, TrainingOptions options) {
        Map<String, float[]> tensors = new LinkedHashMap<>(start.tensors());
        float[] values = tensors.get(parameter).clone();
        Arrays.fill(values, 2e38f);
        tensors.put(parameter, values);
        Checkpoint changed = new Checkpoint(start.network(), start.classNames(), start.stored(), tensors, start.state());
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.resume(changed, placement, backend, Tiny.data(), options)) {
            return assertThrows(TrainingDivergedException.class, () -> trainer.train(TrainingListener.SILENT));
        }
    }

    @Test
    void namesTheFirstLayer() {
        Checkpoint start = start();
        for (Placement placement : Placements.ANY_BATCH) {
            for (String layer : new String[] {"conv1", "conv2", "fc3", "fc4"}) {
                TrainingDivergedException e = diverged(start, layer + ".weight", placement, Tiny.options());
                assertEquals(layer, e.layer(), placement + ": " + e.getMessage());
                assertEquals(1, e.step());
                assertEquals(layer + ": gives NaN or infinity at step 1 with learning rate 0.02, so training has diverged: try a smaller "
                        + "learning rate", e.getMessage());
            }
        }
    }

    @Test
    void theLastGoodCheckpointStays() throws IOException {
        Path out = parent.resolve("out");
        TrainingOptions options = Tiny.options().toBuilder().output(out).checkpointEvery(1).learningRate(new LearningRate.Constant(1e15))
                .build();
        Recorder recorder = new Recorder();
        TrainingDivergedException e;
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options)) {
            e = assertThrows(TrainingDivergedException.class, () -> trainer.train(recorder));
        }
        Checkpoint good = Checkpoint.read(out);
        assertTrue(good.state().step() < e.step(), e.getMessage());
        assertTrue(e.getMessage().contains("the last good checkpoint is " + out.resolve("checkpoint-")), e.getMessage());
        for (float[] values : good.tensors().values()) {
            for (float value : values) {
                assertTrue(Float.isFinite(value));
            }
        }
        assertEquals(recorder.steps.size(), Files.readAllLines(out.resolve("metrics.jsonl")).size());
        assertTrue(Files.readAllLines(out.resolve("metrics.jsonl")).stream().noneMatch(line -> line.contains("NaN")));
    }
}
