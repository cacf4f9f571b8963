package duet.cli.serve;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.data.source.Datasets;
import duet.device.Operation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Rounding;
import duet.net.Shape;
import duet.pictures.Pictures;
import duet.train.output.Checkpoint;

/** Networks with drawn weights, and pictures. */
final class RandomModels {
    /** What is larger is not drawn: fully connected layers, which an explanation does not need. */
    private static final int MOST_ELEMENTS = 2_000_000;

    private RandomModels() {}

    /** Two convolutions, of which the second has two groups: two towers. */
    static Network towers(SplittableRandom random, int channels) {
        int kernel = 1 + random.nextInt(5);
        int side = 9 + random.nextInt(6);
        return Network.chain("drawn", new Shape(channels, side, side + random.nextInt(3)), 1 / 64.0, List.of(
                convolution("conv1", 2 + 2 * random.nextInt(4), kernel, 1 + random.nextInt(2), random.nextInt(kernel), 1),
                new Layer.Nonlinearity("relu1", Operation.Activation.RELU), convolution("conv2", 4, 3, 1, 1, 2),
                new Layer.Nonlinearity("relu2", Operation.Activation.RELU),
                new Layer.FullyConnected("fc3", 3, true, Initialization.PAPER), new Layer.SoftmaxCrossEntropy("loss")));
    }

    static Layer.Convolution convolution(String name, int filters, int kernel, int stride, int padding, int groups) {
        return new Layer.Convolution(name, filters, kernel, stride, padding, groups, Rounding.FLOOR, true, Initialization.PAPER);
    }

    /** Weights by He's rule. */
    static Checkpoint checkpoint(Network network, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, float[]> tensors = new HashMap<>();
        for (ParameterShape parameter : network.parameters()) {
            if (parameter.elements() <= MOST_ELEMENTS) {
                double deviation = parameter.bias() ? 0.1 : Math.sqrt(2.0 / parameter.inputs());
                tensors.put(parameter.name(), drawn(random, parameter.elements(), 0, deviation));
            }
        }
        Shape stored = Datasets.storedFor(network.input());
        tensors.put(Checkpoint.MEAN, drawn(random, Math.toIntExact(stored.elements()), 125, 5));
        List<String> names = IntStream.range(0, network.classes()).mapToObj(label -> "class " + label).toList();
        return new Checkpoint(network, names, stored, tensors, null);
    }

    private static float[] drawn(SplittableRandom random, int count, double mean, double deviation) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (mean + deviation * random.nextGaussian());
        }
        return values;
    }

    static byte[] pixels(Checkpoint checkpoint, long seed) {
        byte[] pixels = new byte[Math.toIntExact(checkpoint.stored().elements())];
        new SplittableRandom(seed).nextBytes(pixels);
        return pixels;
    }

    /** A file. */
    static byte[] shoe() throws IOException {
        BufferedImage picture = new BufferedImage(96, 64, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = picture.createGraphics();
        graphics.setColor(new Color(0x2060A0));
        graphics.fillRect(0, 0, 96, 64);
        graphics.setColor(new Color(0xE0B040));
        graphics.fillOval(20, 10, 50, 40);
        graphics.setColor(Color.WHITE);
        graphics.drawLine(5, 60, 90, 5);
        graphics.dispose();
        return Pictures.png(picture);
    }
}
