package duet.pictures;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
        return new Network("test", new Shape(channels, 16, 16), 1, List.of(convolution("conv1", filters, kernel, 1),
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
        BufferedImage sheet = throughFile("conv1.png", FilterSheet.draw(network(3, 96, 11, 2), weight));
        int pitch = 4 * 11 + 4;
        assertEquals(12 * pitch + 4, sheet.getWidth());
        assertEquals(2 * (4 * pitch + 4) + 16, sheet.getHeight());
        int white = 0xFFFFFFFF;
        assertTrue(IntStream.range(0, sheet.getWidth()).allMatch(x -> sheet.getRGB(x, sheet.getHeight() / 2) == white));
        int first = sheet.getRGB(4, 4);
        assertEquals(first, sheet.getRGB(7, 7), "one weight is a square of equal pixels");
        assertNotEquals(sheet.getRGB(4 + 16, 4 + 16), sheet.getRGB(4 + 24, 4 + 24));
    }

    @Test
    void eachGreyFilterFillsTheRange() {
        float[] weight = {-2, 0, 0, 0, 0, 0, 0, 0, 2, 5, 5, 5, 5, 5, 5, 5, 5, 5};
        BufferedImage sheet = FilterSheet.draw(network(1, 2, 3, 1), weight);
        assertEquals(2 * (48 + 4) + 4, sheet.getWidth());
        assertEquals(48 + 8, sheet.getHeight());
        assertEquals(0xFF000000, sheet.getRGB(4, 4));
        assertEquals(0xFF808080, sheet.getRGB(4 + 16, 4));
        assertEquals(0xFFFFFFFF, sheet.getRGB(4 + 47, 4 + 47));
        assertEquals(sheet.getRGB(56, 4), sheet.getRGB(56 + 40, 40), "a filter without contrast is one colour");
    }

    @Test
    void aNetworkWithoutConvolutionHasNoFilters() {
        Network network = new Network("test", new Shape(1, 4, 4), 1, List.of(
                new Layer.FullyConnected("fc1", 10, true, Initialization.PAPER), new Layer.SoftmaxCrossEntropy("loss")));
        assertNull(FilterSheet.draw(network, new float[160]));
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
        BufferedImage picture = throughFile("curves.png", Curves.draw(history, "alexnet-small"));
        assertEquals(1240, picture.getWidth());
        assertEquals(420, picture.getHeight());
        assertTrue(contains(picture, 0xFF9EC5E8, 0) && contains(picture, 0xFFC4452D, 0), "both curves on the left");
        assertTrue(contains(picture, 0xFF9EC5E8, 620) && contains(picture, 0xFFC4452D, 620), "both curves on the right");
        assertTrue(Files.size(folder.resolve("curves.png")) < 200_000);
    }

    /** Before the first validation, and with a single step. */
    @Test
    void curvesOfLittle() {
        History history = new History();
        assertEquals(1240, Curves.draw(history, "x").getWidth());
        history.add(new Metrics("train", 1, 0.1, 2.3, 0.1, 0.5, 0.01, 1));
        assertEquals(1240, Curves.draw(history, "x").getWidth());
        history.add(new Metrics("validation", 1, 0.1, 2.3, 0.1, 0.5, 0.01, 1));
        assertEquals(1240, Curves.draw(history, "x").getWidth());
    }

    private static boolean contains(BufferedImage picture, int colour, int left) {
        return IntStream.range(0, 620 * 420).anyMatch(i -> picture.getRGB(left + i % 620, i / 620) == colour);
    }
}
