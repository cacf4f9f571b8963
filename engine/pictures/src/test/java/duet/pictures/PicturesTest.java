package duet.pictures;

import static duet.pictures.PictureWords.assertReadable;
import static duet.pictures.PictureWords.box;
import static duet.pictures.PictureWords.texts;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.Rectangle;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;

import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.train.output.History;
import duet.train.output.Metrics;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PicturesTest {
    @TempDir
    private Path folder;

    private static Layer convolution(String name, int filters, int kernel, int groups) {
        return new Layer.Convolution(name, filters, kernel, 1, kernel / 2, groups, Rounding.FLOOR, true, Initialization.PAPER);
    }

    private static Network network(int channels, int filters, int kernel, int laterGroups) {
        return Network.chain("test", new Shape(channels, 16, 16), 1, List.of(convolution("conv1", filters, kernel, 1),
                convolution("conv2", 4, 3, laterGroups), new Layer.FullyConnected("fc3", 10, true, Initialization.PAPER),
                new Layer.SoftmaxCrossEntropy("loss")));
    }

    private BufferedImage throughFile(String name, BufferedImage picture) throws IOException {
        Path file = folder.resolve(name);
        Pictures.write(file, picture);
        return ImageIO.read(file.toFile());
    }

    /** The paper's 96 filters of 11x11x3: rows of 12, half of them above the gap between the towers. */
    @Test
    void filtersOfTheTwoTowers() throws IOException {
        float[] weight = new float[96 * 3 * 11 * 11];
        for (int i = 0; i < weight.length; i++) {
            int filter = i / 363;
            int x = i % 11;
            int y = i / 11 % 11;
            double wave = Math.sin(x * Math.cos(filter * 0.3) + y * Math.sin(filter * 0.3) + (filter < 48 ? 0 : i / 121 % 3));
            weight[i] = (float) (0.01 * wave * Math.exp(-((x - 5) * (x - 5) + (y - 5) * (y - 5)) / 18.0));
        }
        Canvas canvas = FilterSheet.draw(network(3, 96, 11, 2), weight);
        assertReadable(canvas);
        BufferedImage sheet = throughFile("conv1.png", canvas.image());
        int pitch = 4 * 11 + 4;
        assertEquals(12 * pitch - 4 + 2 * 8, sheet.getWidth());
        assertTrue(String.join(" ", texts(canvas))
                .startsWith("conv1: 96 filters of 11x11; red, green and blue; each scaled by itself; weights from -0.010 to 0.010 "),
                texts(canvas)::toString);
        assertTrue(texts(canvas).containsAll(List.of("tower 1: filters 0 to 47", "tower 2: filters 48 to 95", "lowest", "0", "95")),
                texts(canvas)::toString);
        Rectangle second = box(canvas, "tower 2: filters 48 to 95");
        assertTrue(second.y > box(canvas, "36").y && second.y < box(canvas, "48").y, "between the towers");
        int left = 8;
        int top = sheet.getHeight() - 8 - 11 - 44; // of the last row
        assertEquals(sheet.getRGB(left + 4, top + 4), sheet.getRGB(left + 7, top + 7), "one weight is a square of equal pixels");
        assertNotEquals(sheet.getRGB(left + 16, top + 16), sheet.getRGB(left + 24, top + 24));
    }

    @Test
    void eachGreyFilterFillsTheRange() {
        float[] weight = {-2, 0, 0, 0, 0, 0, 0, 0, 2, 5, 5, 5, 5, 5, 5, 5, 5, 5};
        Canvas canvas = FilterSheet.draw(network(1, 2, 3, 1), weight);
        BufferedImage sheet = canvas.image();
        assertReadable(canvas);
        assertTrue(String.join(" ", texts(canvas)).startsWith("conv1: 2 filters of 3x3; each scaled by itself; weights from -2.0 to 5.0"),
                texts(canvas)::toString);
        int top = sheet.getHeight() - 8 - 11 - 48;
        assertEquals(0xFF000000, sheet.getRGB(8, top));
        assertEquals(0xFF808080, sheet.getRGB(8 + 16, top));
        assertEquals(0xFFFFFFFF, sheet.getRGB(8 + 47, top + 47));
        assertEquals(sheet.getRGB(60, top), sheet.getRGB(60 + 40, top + 40), "a filter without contrast is one colour");
    }

    /** Black is 0 also where there are values below, which are blue. */
    @Test
    void activationsHaveNumbersTowersAndAScale() {
        Network network = network(1, 12, 3, 2);
        float[] values = new float[12 * 16 * 16];
        int seventh = 6 * 16 * 16; // the first of the second tower
        values[seventh] = -2;
        values[seventh + 1] = 4;
        Canvas canvas = ActivationSheet.draw(network, "conv1", values);
        assertReadable(canvas);
        assertTrue(texts(canvas).containsAll(List.of("tower 1: channels 0 to 5", "tower 2: channels 6 to 11",
                "-2.00", "4.00", "0", "11")), texts(canvas)::toString);
        assertTrue(String.join(" ", texts(canvas)).startsWith("conv1: 12 channels of 16x16; black is 0, blue is below "),
                texts(canvas)::toString);
        int left = 8;
        int top = canvas.height() - 8 - 11 - 48;
        assertEquals(0xFF1A4680, canvas.image().getRGB(left, top), "half as strong as white is");
        assertEquals(0xFFFFFFFF, canvas.image().getRGB(left + 3, top));
        assertEquals(0xFF000000, canvas.image().getRGB(left + 6, top));
        values[seventh] = 0;
        assertTrue(texts(ActivationSheet.draw(network, "conv1", values)).containsAll(List.of("0", "4.00")));
        assertReadable(ActivationSheet.draw(network, "conv1", new float[values.length]));
    }

    /** Squares are too small for numbers: those are at the rows and columns. The scores are not cut in two. */
    @Test
    void channelsOfOneNumberAreFoundByRowAndColumn() {
        Network network = Network.chain("test", new Shape(1, 16, 16), 1, List.of(convolution("conv1", 4, 3, 1),
                convolution("conv2", 4, 3, 2), new Layer.FullyConnected("fc3", 4096, true, Initialization.PAPER),
                new Layer.FullyConnected("fc4", 10, true, Initialization.PAPER), new Layer.SoftmaxCrossEntropy("loss")));
        Canvas canvas = ActivationSheet.draw(network, "fc3", new float[4096]);
        assertReadable(canvas);
        assertTrue(texts(canvas).containsAll(List.of("tower 2: channels 2048 to 4095", "64", "2112", "+0", "+10")),
                texts(canvas)::toString);
        assertTrue(box(canvas, "64").y > box(canvas, "0").y && box(canvas, "64").x < box(canvas, "+0").x);
        Canvas scores = ActivationSheet.draw(network, "fc4", new float[10]);
        assertReadable(scores);
        assertTrue(texts(scores).contains("9") && texts(scores).stream().noneMatch(text -> text.contains("tower")),
                texts(scores)::toString);
    }

    @Test
    void aNetworkWithoutConvolutionHasNoFilters() {
        Network network = Network.chain("test", new Shape(1, 4, 4), 1, List.of(
                new Layer.FullyConnected("fc1", 10, true, Initialization.PAPER), new Layer.SoftmaxCrossEntropy("loss")));
        assertNull(FilterSheet.draw(network, new float[160]));
        assertNull(PictureOf.filters(network, name -> new float[160]));
    }

    @Test
    void curves() throws IOException {
        History history = new History();
        for (int step = 1; step <= 4690; step++) {
            double epoch = step / 469.0;
            double noise = 0.1 * Math.sin(step * 1.7) * Math.cos(step * 0.37);
            history.add(new Metrics("train", step, epoch, 0.3 + 2 * Math.exp(-epoch) + noise, 0.9 - 0.8 * Math.exp(-epoch) + noise, 1, 0.01,
                    1));
            if (step % 469 == 0) {
                history.add(new Metrics("validation", step, epoch, 0.25 + 2 * Math.exp(-epoch), 0.92 - 0.8 * Math.exp(-epoch), 1, 0.01, 1));
            }
        }
        Canvas canvas = Curves.draw(history, "alexnet-small");
        assertLegendIsBelow(canvas, "training", "training, smoothed", "validation");
        BufferedImage picture = throughFile("curves.png", canvas.image());
        assertEquals(1240, picture.getWidth());
        for (int left : new int[] {0, 620}) {
            for (int colour : new int[] {0xFF9EC5E8, 0xFF1F5F9E, 0xFFC4452D}) {
                assertTrue(contains(picture, colour, left), "every curve at " + left);
            }
        }
        assertTrue(Files.size(folder.resolve("curves.png")) < 200_000);
    }

    /** Below the charts, whole, and nothing else there. */
    private static void assertLegendIsBelow(Canvas canvas, String... entries) {
        assertReadable(canvas);
        assertEquals(List.of(entries), texts(canvas));
        assertTrue(canvas.words().stream().allMatch(words -> words.box().y >= Charts.HEIGHT), canvas.words().toString());
    }

    /** A curve that stays high goes where a legend used to be. */
    @Test
    void noLegendLiesOnACurve() {
        assertFalse(Charts.chart("x", "x", "y").getStyler().isLegendVisible());
        List<Charts.Curve> many = IntStream.range(0, 40).mapToObj(i -> Charts.Curve.line("runs/some-name-" + i, Color.RED, 2)).toList();
        Canvas canvas = Charts.beside(List.of(Charts.chart("x", "x", "y")), many);
        assertLegendIsBelow(canvas, many.stream().map(Charts.Curve::name).toArray(String[]::new));
        String endless = "a-name-that-goes-on".repeat(30);
        Canvas one = Charts.beside(List.of(Charts.chart("x", "x", "y")), List.of(Charts.Curve.line(endless, Color.RED, 2)));
        assertReadable(one);
        assertTrue(texts(one).getFirst().endsWith("…"));
    }

    /** Before the first validation, and with a single step. */
    @Test
    void curvesOfLittle() {
        History history = new History();
        assertEquals(1240, Curves.draw(history, "x").width());
        history.add(new Metrics("train", 1, 0.1, 2.3, 0.1, 0.5, 0.01, 1));
        assertLegendIsBelow(Curves.draw(history, "x"), "training", "validation");
        history.add(new Metrics("validation", 1, 0.1, 2.3, 0.1, 0.5, 0.01, 1));
        assertEquals(1240, Curves.draw(history, "x").width());
    }

    @Test
    void smoothingKeepsALineAndCalmsNoise() {
        double[] x = IntStream.range(0, 300).mapToDouble(i -> i * 0.02).toArray();
        double[] line = Arrays.stream(x).map(at -> 3 - at / 4).toArray();
        assertArrayEquals(line, Smoothing.of(x, line), 1e-9, "also at both ends");
        Random random = new Random(3);
        double[] noisy = Arrays.stream(line).map(y -> y + 0.1 * random.nextGaussian()).toArray();
        assertTrue(error(line, Smoothing.of(x, noisy)) < 0.45 * error(line, noisy));
        double[] same = new double[20];
        assertArrayEquals(same, Smoothing.of(same, same), "all at one place");
    }

    private static double error(double[] expected, double[] actual) {
        return Math
                .sqrt(IntStream.range(0, expected.length).mapToDouble(i -> Math.pow(expected[i] - actual[i], 2)).average().orElseThrow());
    }

    /** Edges of lines are blurred. */
    private static boolean near(int one, int other) {
        return IntStream.of(0, 8, 16).allMatch(bits -> Math.abs((one >> bits & 0xFF) - (other >> bits & 0xFF)) < 16);
    }

    private static boolean contains(BufferedImage picture, int colour, int left) {
        return IntStream.range(0, 620 * 420).anyMatch(i -> near(picture.getRGB(left + i % 620, i / 620), colour));
    }
}
