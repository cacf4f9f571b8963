package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Path;
import java.util.Arrays;

import duet.data.Augmentation;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Trainings on patches with photometric distortion. */
class PatchTrainingTest {
    private static final TrainingOptions OPTIONS = Tiny.options().toBuilder().augmentation(Augmentation.GOOGLENET).build();

    @TempDir
    private Path folder;

    private static float[] weights(Trainer trainer) {
        return trainer.snapshot().tensors().get("conv1.weight");
    }

    private static float[] trained(TrainingOptions options) {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options)) {
            trainer.train(TrainingListener.SILENT);
            return weights(trainer);
        }
    }

    @Test
    void resumedTrainingsEndWithTheSameBits() {
        float[] whole = trained(OPTIONS);
        assertArrayEquals(whole, trained(OPTIONS.toBuilder().loaderThreads(4).build()));
        assertFalse(Arrays.equals(whole, trained(Tiny.options())));
        for (int steps : new int[] {3, 11}) {
            Path out = folder.resolve("stopped-" + steps);
            trained(OPTIONS.toBuilder().steps(steps).output(out).build());
            Checkpoint checkpoint = Checkpoint.read(out);
            assertEquals(Augmentation.GOOGLENET, checkpoint.state().options().augmentation());
            // Whoever resumes it names how long; the augmentation is the checkpoint's, whatever is usual.
            try (Backend backend = Tiny.backend(1);
                    Trainer trainer = Trainer.resume(checkpoint, Placement.ONE_DEVICE, backend, Tiny.data(), Tiny.options())) {
                trainer.train(TrainingListener.SILENT);
                assertArrayEquals(whole, weights(trainer), "resumed after step " + steps);
            }
        }
    }
}
