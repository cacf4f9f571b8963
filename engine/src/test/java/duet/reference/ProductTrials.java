package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

import duet.device.ConvolutionGeometry;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionBackwardWeights;
import duet.device.Operation.ConvolutionForward;
import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Operation.FullyConnectedBackwardWeights;
import duet.device.Operation.FullyConnectedForward;
import duet.device.Operation.SgdUpdate;
import duet.device.Tensor;

/** Trials of convolutions and fully connected layers. */
final class ProductTrials {
    /** Multiply-adds of a random convolution: small enough for hundreds of them. */
    private static final long LARGEST = 2_000_000;

    private final RandomGenerator random;
    private final List<Trial> trials = new ArrayList<>();

    private ProductTrials(RandomGenerator random) {
        this.random = random;
    }

    static List<Trial> convolutions(RandomGenerator random, int count) {
        ProductTrials p = new ProductTrials(random);
        p.convolution(1, geometry(1, 1, 1, 1, 1, 1, 0, 1, false));
        p.convolution(3, geometry(5, 1, 1, 7, 1, 1, 0, 1, false));
        p.convolution(2, geometry(6, 1, 1, 4, 3, 1, 1, 2, false));
        p.convolution(1, geometry(3, 2, 3, 5, 5, 2, 4, 1, true));
        p.convolution(2, geometry(3, 35, 35, 12, 11, 4, 0, 1, false));
        p.convolution(2, geometry(3, 37, 34, 12, 11, 4, 2, 1, true));
        p.convolution(1, geometry(32, 9, 9, 64, 5, 1, 2, 2, false));
        p.convolution(1, geometry(48, 6, 6, 96, 3, 1, 1, 1, false));
        p.convolution(1, geometry(17, 8, 7, 33, 3, 2, 1, 1, true));
        p.convolution(1, geometry(4, 20, 20, 4, 2, 3, 1, 4, true));
        for (int i = 0; i < count; i++) {
            p.convolution(random.nextInt(1, 5), randomGeometry(random));
        }
        p.faultyPixels();
        p.fusible(4);
        return p.trials;
    }

    /** Shapes for which each tile of tensor cores is chosen for one of the passes. */
    static List<Trial> ofEachTile(RandomGenerator random) {
        ProductTrials p = new ProductTrials(random);
        p.convolution(28, geometry(152, 18, 18, 8, 1, 1, 0, 1, false));
        p.convolution(39, geometry(104, 21, 21, 8, 1, 1, 0, 1, false));
        p.convolution(24, geometry(56, 28, 28, 8, 1, 1, 0, 1, false));
        p.convolution(19, geometry(8, 31, 31, 8, 1, 1, 0, 1, false));
        p.convolution(35, geometry(208, 13, 13, 16, 1, 1, 0, 2, false));
        p.convolution(38, geometry(80, 23, 23, 16, 3, 1, 1, 2, false));
        p.convolution(1, geometry(40, 9, 9, 8, 3, 1, 1, 1, false));
        p.convolution(1, geometry(216, 3, 3, 120, 3, 1, 1, 1, false));
        p.convolution(34, geometry(16, 7, 7, 416, 1, 1, 0, 2, false));
        p.convolution(2, geometry(416, 2, 2, 576, 3, 1, 1, 1, false));
        p.convolution(1, geometry(736, 3, 3, 784, 3, 1, 1, 2, false));
        p.convolution(8, geometry(16, 12, 12, 112, 1, 1, 0, 2, false));
        p.convolution(33, geometry(16, 6, 6, 144, 1, 1, 0, 2, false));
        p.convolution(40, geometry(16, 12, 12, 208, 1, 1, 0, 2, false));
        p.convolution(20, geometry(8, 21, 21, 168, 1, 1, 0, 1, false));
        p.convolution(1, geometry(240, 3, 3, 160, 3, 1, 1, 2, false));
        p.convolution(39, geometry(8, 21, 21, 104, 1, 1, 0, 1, false));
        p.convolution(7, geometry(16, 36, 36, 112, 1, 1, 0, 2, false));
        p.fullyConnected(5, 2048, 1, 1, 2048);
        p.fullyConnected(2, 500, 2, 2, 5);
        return p.trials;
    }

    /** Channels and filters of a group in multiples of eight: what tensor cores are fed with in whole chunks. */
    static List<Trial> inEights(RandomGenerator random, int count) {
        ProductTrials p = new ProductTrials(random);
        p.convolution(2, geometry(96, 7, 7, 128, 5, 1, 2, 2, false));
        p.convolution(3, geometry(48, 5, 8, 64, 3, 1, 0, 1, false));
        p.convolution(1, geometry(80, 9, 6, 16, 2, 1, 1, 2, false));
        p.convolution(1, geometry(64, 13, 13, 192, 3, 1, 1, 1, false));
        p.convolution(2, geometry(16, 19, 17, 96, 4, 3, 2, 1, true));
        p.convolution(3, geometry(8, 9, 9, 8, 3, 2, 1, 1, false));
        for (int i = 0; i < count; i++) {
            int groups = random.nextInt(1, 3);
            int kernel = random.nextInt(1, 6);
            ConvolutionGeometry g = geometry(groups * 8 * random.nextInt(1, 9), random.nextInt(1, 16), random.nextInt(1, 16),
                    groups * 8 * random.nextInt(1, 26), kernel, random.nextInt(1, 4), random.nextInt(0, kernel), groups,
                    random.nextBoolean());
            if (g != null && g.multiplyAdds() <= 4 * LARGEST) {
                p.convolution(random.nextInt(1, 4), cut(random, g));
            }
        }
        for (int i = 0; i < count / 4; i++) {
            p.fullyConnected(random.nextInt(1, 150), 8 * random.nextInt(1, 20), random.nextInt(1, 4), random.nextInt(1, 4),
                    8 * random.nextInt(1, 40));
        }
        p.fusible(16);
        return p.trials;
    }

    /**
     * What Winograd's form applies to, with vectors of every instruction set: 3x3 and 5x5, and kernels that are so without their stride.
     */
    static List<Trial> winograd(RandomGenerator random, int count) {
        ProductTrials p = new ProductTrials(random);
        for (int i = 0; i < count; i++) {
            int groups = random.nextInt(1, 3);
            int kernel = random.nextBoolean() ? 3 : 5;
            int padding = random.nextInt(0, kernel + 1);
            int least = Math.max(2, kernel + 1 - 2 * padding);
            p.convolution(random.nextInt(1, 5), cut(random, geometry(groups * 16 * random.nextInt(1, 3), random.nextInt(least, 15),
                    random.nextInt(least, 15), groups * 16 * random.nextInt(1, 6), kernel, 1, padding, groups, random.nextBoolean())));
        }
        for (int i = 0; i < count / 4; i++) {
            int stride = random.nextBoolean() ? 2 : 4;
            int kernel = stride * (random.nextBoolean() ? 2 : 4) + random.nextInt(1, stride + 1);
            int padding = random.nextInt(0, kernel + 1);
            int least = Math.max(2, kernel + stride - 2 * padding);
            p.convolution(random.nextInt(1, 5),
                    cut(random, geometry(stride == 2 ? 4 * random.nextInt(1, 3) : random.nextInt(1, 4), least + random.nextInt(12),
                            least + random.nextInt(12), 16 * random.nextInt(1, 6), kernel, stride, padding, 1, random.nextBoolean())));
        }
        p.fusible(16);
        return p.trials;
    }

    /** The longest sums of AlexNet in each pass, of few rows and columns. */
    static List<Trial> longSums(RandomGenerator random, int length) {
        ProductTrials p = new ProductTrials(random);
        p.fullyConnected(3, length, 1, 1, 20);
        p.fullyConnected(3, 20, 1, 1, length);
        p.fullyConnected(length, 12, 1, 1, 16);
        return p.trials;
    }

    /**
     * One weight that is not a number shows in all results that it is part of, whatever its bits. Of one pixel: backward to the data a
     * window of more reaches outside the image, where 0 * NaN would be a matter of taste.
     */
    static List<Trial> faultyWeights(RandomGenerator random) {
        ProductTrials p = new ProductTrials(random);
        for (int channels : new int[] {3, 8}) {
            ConvolutionGeometry g = geometry(channels, 6, 6, 12, 1, 1, 0, 1, false);
            Tensors t = new Tensors();
            Tensor input = t.activation(2, g.channels(), g.height(), g.width());
            Tensor output = t.activation(2, g.filters(), g.outputHeight(), g.outputWidth());
            Tensor weight = t.filter(g.filters(), g.channels(), 1, 1, 1);
            for (int bits : new int[] {0x7fffffff, 0xffffffff, 0x7fc00000, 0x7f800001, 0xff80ffff, 0x7f800000, 0xff800000}) {
                float fault = Float.intBitsToFloat(bits);
                p.trials.add(
                        Draw.with(Draw.trial(random, new ConvolutionForward("conv", g, input, weight, null, output)), weight, 31, fault));
                p.trials.add(
                        Draw.with(Draw.trial(random, new ConvolutionBackwardData("conv", g, output, weight, input)), weight, 31, fault));
            }
        }
        return p.trials;
    }

    /** A convolution forward, on tensors of its own. */
    static ConvolutionForward forward(int batch, ConvolutionGeometry g) {
        Tensors t = new Tensors();
        return new ConvolutionForward("conv", g, t.activation(batch, g.channels(), g.height(), g.width()),
                t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups()), null,
                t.activation(batch, g.filters(), g.outputHeight(), g.outputWidth()));
    }

    static List<Trial> fullyConnected(RandomGenerator random, int count) {
        ProductTrials p = new ProductTrials(random);
        p.fullyConnected(1, 1, 1, 1, 1);
        p.fullyConnected(4, 256, 1, 1, 10);
        p.fullyConnected(2, 64, 3, 3, 96);
        p.fullyConnected(130, 9, 1, 1, 31);
        for (int i = 0; i < count; i++) {
            p.fullyConnected(random.nextInt(1, 20), random.nextInt(1, 70), random.nextInt(1, 5), random.nextInt(1, 5),
                    random.nextInt(1, 90));
        }
        return p.trials;
    }

    /** Null if no window fits. */
    static ConvolutionGeometry geometry(
            int channels, int height, int width, int filters, int kernel, int stride, int padding, int groups, boolean ceil) {
        int outputHeight = windows(height, kernel, stride, padding, ceil);
        int outputWidth = windows(width, kernel, stride, padding, ceil);
        return outputHeight < 1 || outputWidth < 1 ? null
                : new ConvolutionGeometry(channels, height, width, filters, kernel, stride, padding, groups, outputHeight, outputWidth);
    }

    static int windows(int size, int window, int stride, int padding, boolean ceil) {
        int room = size + 2 * padding - window;
        return room < 0 ? 0 : 1 + (room + (ceil ? stride - 1 : 0)) / stride;
    }

    static ConvolutionGeometry randomGeometry(RandomGenerator random) {
        while (true) {
            int groups = random.nextInt(1, 4);
            int kernel = random.nextInt(1, 8);
            ConvolutionGeometry g = geometry(groups * random.nextInt(1, 25), random.nextInt(1, 20), random.nextInt(1, 20),
                    groups * random.nextInt(1, 50), kernel, random.nextInt(1, 5), random.nextInt(0, kernel), groups, random.nextBoolean());
            if (g != null && g.multiplyAdds() <= LARGEST) {
                return cut(random, g);
            }
        }
    }

    /**
     * Half of them as a part of a map has it: other rows of padding above, perhaps few rows, and a last window that ends before, at or
     * beyond the lower border; every window holds a pixel.
     */
    static ConvolutionGeometry cut(RandomGenerator random, ConvolutionGeometry g) {
        if (random.nextBoolean()) {
            return g;
        }
        int top = random.nextInt(g.kernel());
        int height = random.nextBoolean() ? g.height() : random.nextInt(1, 5);
        int outputHeight = random.nextInt(1, (height - 1 + top) / g.stride() + 2);
        return new ConvolutionGeometry(g.channels(), height, g.width(), g.filters(), g.kernel(), g.stride(), g.padding(), top, g.groups(),
                outputHeight, g.outputWidth());
    }

    /** Forward, backward to the data, backward to the weights; with and without biases. */
    private void convolution(int batch, ConvolutionGeometry g) {
        Tensors t = new Tensors();
        Tensor input = t.activation(batch, g.channels(), g.height(), g.width());
        Tensor output = t.activation(batch, g.filters(), g.outputHeight(), g.outputWidth());
        Tensor weight = t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
        boolean bias = random.nextInt(4) > 0;
        add(new ConvolutionForward("conv", g, input, weight, bias ? t.vector(g.filters()) : null, output));
        add(new ConvolutionBackwardData("conv", g, output, weight, input));
        add(new ConvolutionBackwardWeights("conv", g, input, output, weight, bias ? t.vector(g.filters()) : null));
    }

    private void fullyConnected(int batch, int channels, int height, int width, int outputs) {
        Tensors t = new Tensors();
        Tensor input = t.activation(batch, channels, height, width);
        Tensor output = t.activation(batch, outputs, 1, 1);
        Tensor weight = t.filter(outputs, channels, height, width, 1);
        boolean bias = random.nextInt(4) > 0;
        add(new FullyConnectedForward("fc", input, weight, bias ? t.vector(outputs) : null, output));
        add(new FullyConnectedBackwardData("fc", output, weight, input));
        add(new FullyConnectedBackwardWeights("fc", input, output, weight, bias ? t.vector(outputs) : null));
        Tensor gradient = t.like(weight);
        add(new FullyConnectedBackwardWeights("fc", input, output, gradient, null),
                new SgdUpdate("fc", gradient, weight, t.like(weight), 2));
    }

    /** One pixel that is not a number shows in exactly the results that it is part of. No padding: 0 * NaN would be a matter of taste. */
    private void faultyPixels() {
        for (int stride = 1; stride <= 2; stride++) {
            ConvolutionGeometry g = geometry(6, 9, 9, 8, 3, stride, 0, 2, false);
            Tensors t = new Tensors();
            Tensor input = t.activation(2, g.channels(), g.height(), g.width());
            Tensor output = t.activation(2, g.filters(), g.outputHeight(), g.outputWidth());
            Tensor weight = t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
            Tensor bias = t.vector(g.filters());
            for (float fault : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
                trials.add(Draw.with(Draw.trial(random, new ConvolutionForward("conv", g, input, weight, bias, output)), input, 81 + 40,
                        fault));
                trials.add(Draw.with(Draw.trial(random, new ConvolutionBackwardData("conv", g, output, weight, input)), output, 4, fault));
                trials.add(Draw.with(
                        Draw.trial(random, new ConvolutionBackwardWeights("conv", g, input, output, weight, bias)), output, 5, fault));
            }
        }
    }

    /** Neighbours that a backend may fuse, in place and not. */
    private void fusible(int groupChannels) {
        for (Activation function : Activation.values()) {
            for (boolean inPlace : new boolean[] {true, false}) {
                ConvolutionGeometry g = geometry(2 * groupChannels, 10, 9, 5 * groupChannels, 3, 1, 1, 2, false);
                Tensors t = new Tensors();
                Tensor output = t.activation(2, g.filters(), g.outputHeight(), g.outputWidth());
                add(new ConvolutionForward("conv", g, t.activation(2, g.channels(), g.height(), g.width()),
                        t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups()), t.vector(g.filters()),
                        output),
                        new ActivationForward("activation", function, output, inPlace ? output : t.like(output)));
                Tensor classes = t.activation(3, 37, 1, 1);
                add(new FullyConnectedForward("fc", t.activation(3, 5, 2, 2), t.filter(37, 5, 2, 2, 1), t.vector(37), classes),
                        new ActivationForward("activation", function, classes, inPlace ? classes : t.like(classes)));
            }
        }
    }

    private void add(Operation... operations) {
        trials.add(Draw.trial(random, operations));
    }
}
