package duet.pictures;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.device.Backend;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A training's folder gets curves.png and conv1.png; a resumed one goes on with the curves that were there. */
class TrainingPicturesTest {
    @TempDir
    private Path folder;

    private final List<String> warnings = new ArrayList<>();

    private TrainingOptions options(int steps) {
        return Tiny.options().toBuilder().steps(steps).output(folder.resolve("out")).build();
    }

    private Path picture(String name) {
        return folder.resolve("out").resolve(name);
    }

    private void train(Trainer trainer) {
        TrainingPictures pictures = new TrainingPictures(folder.resolve("out"), trainer, warnings::add);
        trainer.train(TrainingListener.all(TrainingListener.SILENT, pictures));
        pictures.finish();
    }

    @Test
    void drawnAndDrawnAgainAfterResuming() throws IOException {
        try (Backend backend = Tiny.backend(1)) {
            try (Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), options(11))) {
                train(trainer);
            }
            byte[] curves = Files.readAllBytes(picture("curves.png"));
            byte[] filters = Files.readAllBytes(picture("conv1.png"));
            try (Trainer trainer = Trainer.resume(
                    Checkpoint.read(folder.resolve("out")), Placement.ONE_DEVICE, backend, Tiny.data(), options(14))) {
                new TrainingPictures(folder.resolve("out"), trainer, warnings::add).finish();
                assertArrayEquals(curves, Files.readAllBytes(picture("curves.png")),
                        "the same lines of metrics.jsonl give the same curves");
                train(trainer);
            }
            assertFalse(Arrays.equals(curves, Files.readAllBytes(picture("curves.png"))), "there is more to see");
            assertFalse(Arrays.equals(filters, Files.readAllBytes(picture("conv1.png"))), "the filters have changed");
        }
        assertEquals(List.of(), warnings);
    }

    /** What should be a folder is a file. */
    @Test
    void aFolderThatCannotBeWrittenIsAWarningOnce() throws IOException {
        Path file = Files.createFile(folder.resolve("file"));
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                        Tiny.options().toBuilder().steps(8).build())) {
            TrainingPictures pictures = new TrainingPictures(file, trainer, warnings::add);
            trainer.train(pictures);
            pictures.finish();
        }
        assertEquals(
                List.of("the pictures cannot be drawn and are left out: " + file.resolve("curves.png")
                        + ": cannot be written: exists already"),
                warnings);
    }
}
