package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

import duet.data.Augmentation;
import duet.data.Batch;
import duet.data.Mean;
import duet.device.Backend;
import duet.device.RunParameters;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.Diary;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Colour noise from the loader through the plan to the checkpoint. */
class ColourNoiseTrainingTest {
    private static final Augmentation NOISE = Augmentation.STANDARD.withColourNoise(0.3);

    @TempDir
    private Path folder;

    /** Losses of a step on the same images, once shifted by the plan and once by hand. */
    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void aShiftIsTheSameAsOtherPixels(Placement placement) {
        int batch = 4;
        SplittableRandom random = new SplittableRandom(3);
        byte[] images = new byte[batch * 144];
        byte[] shifted = new byte[batch * 144];
        float[] shifts = new float[batch];
        for (int i = 0; i < batch; i++) {
            shifts[i] = random.nextInt(-20, 20);
            for (int e = i * 144; e < (i + 1) * 144; e++) {
                int level = random.nextInt(30, 200);
                images[e] = (byte) level;
                shifted[e] = (byte) (level + (int) shifts[i]);
            }
        }
        int[] crops = {1, 1, 0, 2, 0, 1, 0, 0, 0, 1, 2, 1};
        int[] labels = {0, 1, 2, 3};
        double[] byPlan = losses(Tiny.network(), placement, NOISE.withNoiseDivides(true),
                new Batch(0, images, crops, shifts, labels, batch));
        Network divided = Network.chain("tiny", Tiny.network().input(), Tiny.network().inputScale() / 1.3, Tiny.network().layers());
        double[] byHand = losses(divided, placement, Augmentation.NONE, new Batch(0, shifted, crops, labels, batch));
        assertArrayEquals(byHand, byPlan, 1e-4);
    }

    private static double[] losses(Network network, Placement placement, Augmentation augmentation, Batch batch) {
        try (Backend backend = Tiny.backend(placement.devices());
                Session session = new Session(network, placement, backend, Tiny.STORED, 4, false, augmentation, false)) {
            session.initialise(5);
            float[] mean = new float[144];
            Arrays.fill(mean, 100);
            session.setMean(mean);
            float[] rates = new float[session.shapes().size()];
            Arrays.fill(rates, 0.1f);
            RunParameters parameters = new RunParameters(1, 0, rates, new float[rates.length], 0);
            double first = session.train(() -> batch, parameters, false).lossSum();
            return new double[] {first, session.train(() -> batch, parameters, false).lossSum()};
        }
    }

    private static float[] weights(Trainer trainer) {
        return trainer.snapshot().tensors().get("conv1.weight");
    }

    private static TrainingOptions options() {
        // The noise ends in the middle: steps 1 to 11 have it, then another program goes on.
        LearningRate diary = new Diary(Tiny.options().learningRate().initial(), null,
                List.of(new Diary.Change(2, null, null, null, null, 0.0)), 0, 0);
        return Tiny.options().toBuilder().learningRate(diary).augmentation(NOISE.withNoiseDivides(true)).build();
    }

    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void aTrainingThatIsResumedDrawsTheSameColours(Placement placement) {
        float[] whole;
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(), options())) {
            trainer.train(TrainingListener.SILENT);
            whole = weights(trainer);
        }
        for (int steps : new int[] {3, 11, 15}) {
            Path out = folder.resolve(placement + "-" + steps);
            try (Backend backend = Tiny.backend(placement.devices());
                    Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(),
                            options().toBuilder().steps(steps).output(out).build())) {
                trainer.train(TrainingListener.SILENT);
            }
            Checkpoint checkpoint = Checkpoint.read(out);
            assertEquals(1, checkpoint.tensors().get(Checkpoint.COLOURS).length);
            try (Backend backend = Tiny.backend(placement.devices());
                    Trainer trainer = Trainer.resume(checkpoint, placement, backend, Tiny.data(),
                            options().toBuilder().output(null).build())) {
                trainer.train(TrainingListener.SILENT);
                assertArrayEquals(whole, weights(trainer), "resumed after step " + steps);
            }
        }
        try (Backend backend = Tiny.backend(placement.devices());
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(),
                        Tiny.options().toBuilder().augmentation(Augmentation.STANDARD).build())) {
            trainer.train(TrainingListener.SILENT);
            assertFalse(Arrays.equals(whole, weights(trainer)));
            assertNull(trainer.snapshot().tensors().get(Checkpoint.COLOURS));
        }
    }

    @Test
    void theMeanIsWhatWasAskedFor() {
        try (Backend backend = Tiny.backend(1)) {
            float[] image = mean(backend, Mean.IMAGE);
            float[] colour = mean(backend, Mean.RGB);
            float sum = 0;
            for (float level : image) {
                sum += level;
            }
            for (float level : colour) {
                assertEquals(sum / image.length, level, 1e-3);
            }
            assertNotEquals(image[0], image[5]);
            assertArrayEquals(new float[144], mean(backend, Mean.NONE));
        }
    }

    private static float[] mean(Backend backend, Mean mean) {
        try (Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                Tiny.options().toBuilder().mean(mean).build())) {
            Checkpoint checkpoint = trainer.snapshot();
            assertEquals(new Shape(1, 12, 12), checkpoint.stored());
            return checkpoint.tensors().get(Checkpoint.MEAN);
        }
    }
}
