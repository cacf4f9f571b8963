package duet.pictures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

import duet.data.Dataset;
import duet.data.Views;
import duet.device.Backend;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;
import duet.use.Activations;
import duet.use.Deconvolution;
import duet.use.DeconvolutionTest;
import duet.use.Ensemble;
import duet.use.Evaluation;
import duet.use.Neighbours;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pictures of what a trained network does: their sizes follow from what they show, and they show something. */
class SheetsTest {
    private static final Dataset DATA = new Tiny.Patterns(20, Tiny.CLASSES, 3);
    private static Checkpoint trained;

    @TempDir
    private Path folder;

    @BeforeAll
    static void train() {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(
                        Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(), Tiny.options().toBuilder().seed(9).steps(8).build())) {
            trainer.train(TrainingListener.SILENT);
            trained = trainer.snapshot();
        }
    }

    @Test
    void evaluation() throws IOException {
        Dataset data = new Tiny.Patterns(40, Tiny.CLASSES, 3);
        Evaluation evaluation;
        try (Backend backend = Tiny.backend(1);
                Ensemble ensemble = Ensemble.create(List.of(new Ensemble.Member("run", trained)), Placement.ONE_DEVICE, backend, 8)) {
            evaluation = ensemble.evaluate(List.of(data), Views.ONE, 5, 1, TrainingListener.SILENT);
        }
        List<Path> files = EvaluationPictures.write(evaluation, data, folder.resolve("new/report"));
        assertEquals(List.of("confusion.png", "mistakes.png"), files.stream().map(file -> file.getFileName().toString()).toList());
        for (Path file : files) {
            assertTrue(colours(ImageIO.read(file.toFile())) > 10, file + " shows something");
        }
        assertEquals(10 + 5 * 122, ImageIO.read(files.getLast().toFile()).getWidth(), "five mistakes in a row");
    }

    @Test
    void manyClassesAreShownAsPairs() {
        List<String> names = IntStream.range(0, 50).mapToObj(i -> "class" + i).toList();
        int[][] confusion = new int[50][50];
        confusion[3][4] = 9;
        confusion[5][3] = 4;
        BufferedImage two = EvaluationPictures.confusion(new Evaluation(names, 13, 1, 0, 0, confusion, List.of()));
        confusion[6][7] = 2;
        BufferedImage three = EvaluationPictures.confusion(new Evaluation(names, 15, 1, 0, 0, confusion, List.of()));
        assertEquals(22, three.getHeight() - two.getHeight());
    }

    @Test
    void neighbours() throws IOException {
        Path file = folder.resolve("n.png");
        try (Backend backend = Tiny.backend(1);
                Activations activations = Activations.create(trained, "fc3", Placement.ONE_DEVICE, backend, 4)) {
            Dataset asked = new Tiny.Patterns(3, Tiny.CLASSES, 9);
            List<Neighbours.Query> queries = IntStream.range(0, 3).mapToObj(i -> Neighbours.Query.of(asked, i)).toList();
            NeighbourSheet.write(file, queries, Neighbours.find(activations, queries, DATA, 5, 1, TrainingListener.SILENT), DATA);
        }
        assertEquals(10 + 6 * 122 + 10, ImageIO.read(file.toFile()).getWidth());
        assertTrue(colours(ImageIO.read(file.toFile())) > 50);
    }

    @Test
    void filtersActivationsAndWhatFeaturesLookFor() throws IOException {
        Checkpoint checkpoint = DeconvolutionTest.pooled();
        Path file = folder.resolve("deconvolution.png");
        try (Backend backend = Tiny.backend(1)) {
            List<List<Deconvolution.Unit>> strongest;
            try (Activations activations = Activations.create(checkpoint, "relu2", Placement.ONE_DEVICE, backend, 6)) {
                strongest = Deconvolution.strongest(activations, DATA, 9, 1, TrainingListener.SILENT);
                float[] values = activations.of(new byte[144]);
                PictureOf.activations(folder.resolve("activations.png"), activations, values);
                assertEquals(4, PictureOf.strongestChannels(activations, values, 9).size());
            }
            DeconvolutionSheet.write(file, checkpoint, "relu2", backend, DATA, strongest);
            assertThrows(TrainingException.class,
                    () -> DeconvolutionSheet.write(file, checkpoint, "relu2", backend, DATA, List.of(List.of())));
        }
        BufferedImage picture = ImageIO.read(file.toFile());
        assertTrue(picture.getWidth() > 300 && colours(picture) > 100, picture.toString());
        BufferedImage activations = ImageIO.read(folder.resolve("activations.png").toFile());
        assertEquals(3 + 4 * (5 * 10 + 3), activations.getWidth(), "four maps of 5x5");
        PictureOf.filters(folder.resolve("filters.png"), checkpoint);
        assertTrue(colours(ImageIO.read(folder.resolve("filters.png").toFile())) > 10);
    }

    private static long colours(BufferedImage picture) {
        return IntStream.range(0, picture.getWidth() * picture.getHeight())
                .map(i -> picture.getRGB(i % picture.getWidth(), i / picture.getWidth())).distinct().count();
    }
}
