package duet.pictures;

import static duet.pictures.PictureWords.assertReadable;
import static duet.pictures.PictureWords.box;
import static duet.pictures.PictureWords.texts;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
        Canvas two = EvaluationPictures.confusion(new Evaluation(names, 13, 1, 0, 0, confusion, List.of()));
        confusion[6][7] = 2;
        Canvas three = EvaluationPictures.confusion(new Evaluation(names, 15, 1, 0, 0, confusion, List.of()));
        assertEquals(22, three.height() - two.height());
        assertReadable(three);
        assertTrue(texts(three).contains("class3 taken for class4"), texts(three)::toString);
    }

    /** The words below a matrix are whole, however small it is; names that are too long are shortened. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 10, 40, 41, 1000})
    void everyNumberOfClassesHasAWholeCaption(int classes) {
        List<String> names = IntStream.range(0, classes).mapToObj(i -> i == 1 ? "a name of many words, ".repeat(9) : "c" + i).toList();
        int[][] confusion = new int[classes][classes];
        for (int i = 0; i < classes; i++) {
            confusion[i][i] = 1_000_000;
            confusion[i][(i + 1) % classes] = i;
        }
        Canvas canvas = EvaluationPictures.confusion(new Evaluation(names, 9, 1, 0, 0, confusion, List.of()));
        assertReadable(canvas);
        String all = String.join(" ", texts(canvas));
        assertTrue(all.contains(classes <= 20 ? "Rows: the class; columns: what it was taken for. Numbers: images; the darker, the larger "
                + "their share of the row."
                : classes <= 40 ? "Rows: the class; columns: what it was taken for. The darker, the larger the share."
                : "pairs that were confused most often, of " + (classes == 41 ? "40" : "999")), all);
        assertTrue(canvas.width() < 1500, canvas.width() + " pixels wide");
    }

    @Test
    void withoutMistakesThePairsSaySo() {
        Canvas canvas = EvaluationPictures.confusion(
                new Evaluation(IntStream.range(0, 41).mapToObj(i -> "c" + i).toList(), 0, 1, 0, 0, new int[41][41], List.of()));
        assertReadable(canvas);
        assertEquals(List.of("No image was taken for another class."), texts(canvas));
    }

    @Test
    void aMistakeSaysWhatItIsAndWhatTheNetworkSaid() {
        Evaluation.Mistake mistake = new Evaluation.Mistake(0, 1, 2, 0.9981f, 0.001f);
        for (int mistakes : new int[] {1, 2, 9}) {
            Canvas canvas = EvaluationPictures.mistakes(
                    new Evaluation(List.of("Bag", "Shirt", "Coat"), 9, 1, 0, 0, new int[3][3], Collections.nCopies(mistakes, mistake)),
                    DATA);
            assertReadable(canvas);
            List<String> texts = texts(canvas);
            assertEquals(List.of("is Shirt", "taken for Coat", "with 99.8 %"), texts.subList(texts.size() - 3, texts.size()));
            assertTrue(texts.getFirst().startsWith("Mistakes, the most confident first"), texts::toString);
        }
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
                assertReadable(ActivationSheet.draw(checkpoint.network(), "relu2", values));
                assertEquals(4, PictureOf.strongestChannels(activations, values, 9).size());
            }
            DeconvolutionSheet.write(file, checkpoint, "relu2", backend, DATA, strongest);
            assertSaysWhichHalfIsWhich(DeconvolutionSheet.draw(checkpoint, "relu2", backend, DATA, strongest));
            assertSaysWhichHalfIsWhich(DeconvolutionSheet.draw(checkpoint, "relu2", backend, DATA, strongest.subList(0, 1)));
            assertThrows(TrainingException.class,
                    () -> DeconvolutionSheet.write(file, checkpoint, "relu2", backend, DATA, List.of(List.of())));
        }
        BufferedImage picture = ImageIO.read(file.toFile());
        assertTrue(picture.getWidth() >= 300 && colours(picture) > 100, picture.toString());
        BufferedImage activations = ImageIO.read(folder.resolve("activations.png").toFile());
        assertEquals(300, activations.getWidth(), "four maps of 5x5, and the words need more room");
        PictureOf.filters(folder.resolve("filters.png"), checkpoint);
        assertTrue(colours(ImageIO.read(folder.resolve("filters.png").toFile())) > 10);
    }

    private static void assertSaysWhichHalfIsWhich(Canvas canvas) {
        assertReadable(canvas);
        assertTrue(String.join(" ", texts(canvas)).startsWith("relu2: for each feature"), texts(canvas)::toString);
        assertTrue(texts(canvas).contains("feature 0"), texts(canvas)::toString);
        Rectangle projections = box(canvas, "projections");
        Rectangle images = box(canvas, "images");
        assertTrue(projections.y == images.y && projections.getMaxX() < images.x, "side by side");
    }

    private static long colours(BufferedImage picture) {
        return IntStream.range(0, picture.getWidth() * picture.getHeight())
                .map(i -> picture.getRGB(i % picture.getWidth(), i / picture.getWidth())).distinct().count();
    }
}
