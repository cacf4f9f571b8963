package duet.pictures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

import duet.device.Backend;
import duet.device.Operation.Activation;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;
import duet.use.ReluAgainstTanh;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ComparisonTest {
    @TempDir
    private Path folder;

    private Path run(String name, long steps) {
        Path out = folder.resolve(name);
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(
                        Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                        Tiny.options().toBuilder().steps(steps).output(out).build())) {
            trainer.train(TrainingListener.SILENT);
        }
        return out;
    }

    private static boolean contains(BufferedImage picture, int colour, int left, int right) {
        return IntStream.range(0, picture.getHeight() * (right - left))
                .anyMatch(i -> picture.getRGB(left + i % (right - left), i / (right - left)) == (0xFF000000 | colour));
    }

    @Test
    void severalRunsInOnePicture() throws IOException {
        List<Comparison.Run> runs = List.of(Comparison.Run.read("one", run("one", 12)), Comparison.Run.read("two", run("two", 7)));
        Path file = folder.resolve("pictures/both.png");
        for (Comparison.Axis axis : Comparison.Axis.values()) {
            Comparison.draw(file, runs, axis);
            BufferedImage picture = ImageIO.read(file.toFile());
            assertEquals(1240, picture.getWidth());
            for (int left : new int[] {0, 620}) {
                assertTrue(contains(picture, 0x0072B2, left, left + 620) && contains(picture, 0xD55E00, left, left + 620),
                        "both runs at " + left);
            }
        }
        assertEquals(12, runs.getFirst().lastValidation().step());
    }

    /** As it is while its training goes on. */
    @Test
    void aHalfWrittenLineIsLeftOut() throws IOException {
        Path out = run("one", 3);
        Files.writeString(out.resolve("metrics.jsonl"), "{\"event\":\"validation\",\"st", StandardOpenOption.APPEND);
        long bytes = Files.size(out.resolve("metrics.jsonl"));
        assertEquals(3, Comparison.Run.read("one", out).lastValidation().step());
        assertEquals(bytes, Files.size(out.resolve("metrics.jsonl")), "reading changes nothing");
    }

    @Test
    void whatIsNoRunIsToldInASentence() throws IOException {
        Path missing = folder.resolve("missing");
        assertEquals(missing + ": does not exist; name a training's output folder",
                assertThrows(TrainingException.class, () -> Comparison.Run.read("x", missing)).getMessage());
        assertEquals(folder + ": holds no metrics.jsonl, so it is no training's output folder",
                assertThrows(TrainingException.class, () -> Comparison.Run.read("x", folder)).getMessage());
        Files.createFile(folder.resolve("metrics.jsonl"));
        assertTrue(
                assertThrows(TrainingException.class, () -> Comparison.Run.read("x", folder)).getMessage().endsWith("holds no steps yet"));
    }

    @Test
    void theStepAtWhichAnErrorIsReached() {
        ReluAgainstTanh.Course course = new ReluAgainstTanh.Course(Activation.RELU, 0.1, List.of(new ReluAgainstTanh.Point(0, 0, 0.9),
                new ReluAgainstTanh.Point(10, 0.1, 0.5), new ReluAgainstTanh.Point(20, 0.2, 0.1), new ReluAgainstTanh.Point(30, 0.3, 0.3)));
        assertEquals(16.25, course.stepsTo(0.25), 1e-9);
        assertEquals(20, course.stepsTo(0.1), 1e-9);
        assertTrue(Double.isNaN(course.stepsTo(0.05)));
    }

    /** The experiment at small: both learn, the same twice, and the plot shows both curves and the dashed line. */
    @Test
    void reluAgainstTanh() throws IOException {
        List<ReluAgainstTanh.Course> courses = List.of(course(Activation.RELU), course(Activation.TANH));
        assertEquals(courses.getFirst(), course(Activation.RELU), "the same twice");
        for (ReluAgainstTanh.Course course : courses) {
            assertEquals(0.0, course.points().getFirst().epoch());
            assertEquals(30, course.points().getLast().step());
            assertTrue(course.points().getLast().error() < course.points().getFirst().error(), course.toString());
        }
        Path file = folder.resolve("figure-1.png");
        Comparison.draw(file, courses);
        BufferedImage picture = ImageIO.read(file.toFile());
        assertTrue(contains(picture, 0x0072B2, 0, 620) && contains(picture, 0xD55E00, 0, 620) && contains(picture, 0x808080, 0, 620));
    }

    private static ReluAgainstTanh.Course course(Activation function) {
        try (Backend backend = Tiny.backend(1)) {
            return ReluAgainstTanh.train(function, 0.001, new Tiny.Patterns(300, Tiny.CLASSES, 1), Tiny.STORED,
                    new ReluAgainstTanh.Extent(30, 1, 100, 1), Placement.ONE_DEVICE, backend, (f, point) -> {});
        }
    }
}
