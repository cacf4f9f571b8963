package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

import duet.device.ConvolutionGeometry;
import duet.device.Operation.ConvolutionBackwardData;
import duet.device.Operation.ConvolutionForward;
import duet.device.Tensor;

/**
 * Trials of convolutions with stride 1 and so many pixels that tensor cores read all taps from a window that stays in shared memory, in one
 * of the passes at least.
 */
final class ResidentTrials {
    /** Multiply-adds of a random one: few channels. */
    private static final long LARGEST = 250_000_000;
    /** With so many pixels of all images and groups all multiprocessors have work. */
    private static final int PIXELS = 33_000;

    private final RandomGenerator random;
    private final List<Trial> trials = new ArrayList<>();

    private ResidentTrials(RandomGenerator random) {
        this.random = random;
    }

    /** Shapes for which each tile is chosen, with one split and with several. */
    static List<Trial> ofEachTile(RandomGenerator random) {
        ResidentTrials t = new ResidentTrials(random);
        t.backwardData(37, geometry(32, 29, 8, 32, 3, 1, 2));
        t.backwardData(30, geometry(32, 4, 14, 192, 4, 1, 2));
        t.backwardData(40, geometry(32, 31, 7, 32, 3, 0, 2));
        t.backwardData(38, geometry(32, 11, 4, 192, 4, 0, 2));
        t.backwardData(40, geometry(128, 32, 10, 32, 3, 0, 2));
        t.forward(34, geometry(32, 30, 11, 32, 3, 0, 2));
        t.forward(25, geometry(64, 22, 15, 16, 4, 0, 1));
        t.forward(31, geometry(32, 13, 21, 32, 3, 1, 2));
        t.forward(11, geometry(64, 18, 26, 16, 4, 2, 1));
        t.forward(35, geometry(16, 29, 25, 64, 3, 1, 1));
        return t.trials;
    }

    /** Any size, padding and kernel; images are wide, high, or smaller than a window's reach. */
    static List<Trial> random(RandomGenerator random, int count) {
        ResidentTrials t = new ResidentTrials(random);
        while (t.trials.size() < 2 * count) {
            int groups = random.nextInt(1, 3);
            int kernel = random.nextInt(3, 6);
            int channels = 16 * random.nextInt(1, 4);
            int filters = 16 * random.nextInt(1, 4);
            int height = random.nextInt(1, 40);
            int width = random.nextInt(1, 40);
            ConvolutionGeometry g = ProductTrials.geometry(groups * channels, height, width, groups * filters, kernel, 1,
                    random.nextInt(0, kernel + 1), groups, false);
            int batch = g == null ? 0 : PIXELS / (g.outputHeight() * g.outputWidth() * groups);
            if (batch > 0 && batch < 300 && batch * g.multiplyAdds() <= LARGEST) {
                ConvolutionGeometry cut = ProductTrials.cut(random, g);
                t.forward(batch, cut);
                t.backwardData(batch, cut);
            }
        }
        return t.trials;
    }

    /** One pixel that is not a number shows in exactly the results that it is part of. */
    static List<Trial> faultyPixels(RandomGenerator random) {
        ResidentTrials t = new ResidentTrials(random);
        ConvolutionGeometry g = geometry(32, 30, 11, 32, 3, 0, 2);
        Tensors tensors = new Tensors();
        Tensor input = tensors.activation(34, g.channels(), g.height(), g.width());
        Tensor output = tensors.activation(34, g.filters(), g.outputHeight(), g.outputWidth());
        Tensor weight = tensors.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups());
        for (float fault : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            t.trials.add(Draw.with(Draw.trial(random, new ConvolutionForward("conv", g, input, weight, null, output)), input,
                    random.nextInt(Math.toIntExact(input.elements())), fault));
            t.trials.add(Draw.with(Draw.trial(random, new ConvolutionBackwardData("conv", g, output, weight, input)), output,
                    random.nextInt(Math.toIntExact(output.elements())), fault));
        }
        return t.trials;
    }

    private static ConvolutionGeometry geometry(int channels, int height, int width, int filters, int kernel, int padding, int groups) {
        return ProductTrials.geometry(channels, height, width, filters, kernel, 1, padding, groups, false);
    }

    private void forward(int batch, ConvolutionGeometry g) {
        Tensors t = new Tensors();
        trials.add(Draw.trial(random, new ConvolutionForward("conv", g, t.activation(batch, g.channels(), g.height(), g.width()),
                t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups()),
                random.nextBoolean() ? t.vector(g.filters()) : null,
                t.activation(batch, g.filters(), g.outputHeight(), g.outputWidth()))));
    }

    private void backwardData(int batch, ConvolutionGeometry g) {
        Tensors t = new Tensors();
        trials.add(Draw.trial(random,
                new ConvolutionBackwardData("conv", g, t.activation(batch, g.filters(), g.outputHeight(), g.outputWidth()),
                        t.filter(g.filters(), g.channels() / g.groups(), g.kernel(), g.kernel(), g.groups()),
                        t.activation(batch, g.channels(), g.height(), g.width()))));
    }
}
