package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

import duet.device.Operation;
import duet.device.Operation.AveragePoolBackward;
import duet.device.Operation.AveragePoolForward;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.ResponseNormBackward;
import duet.device.Operation.ResponseNormForward;
import duet.device.Operation.SpatialNormBackward;
import duet.device.Operation.SpatialNormForward;
import duet.device.PoolingGeometry;
import duet.device.ResponseNorm;
import duet.device.SpatialNorm;
import duet.device.Tensor;

/** Trials of pooling and local response normalisation. */
final class NeighbourhoodTrials {
    private final RandomGenerator random;
    private final List<Trial> trials = new ArrayList<>();

    private NeighbourhoodTrials(RandomGenerator random) {
        this.random = random;
    }

    static List<Trial> pooling(RandomGenerator random, int count) {
        NeighbourhoodTrials n = new NeighbourhoodTrials(random);
        n.pooling(1, new PoolingGeometry(1, 1, 1, 1, 1, 0, 1, 1));
        n.pooling(2, new PoolingGeometry(33, 13, 13, 3, 2, 0, 6, 6));
        n.pooling(2, new PoolingGeometry(5, 6, 6, 3, 2, 0, 3, 3));
        n.pooling(2, new PoolingGeometry(8, 5, 13, 3, 2, 1, 0, 2, 7));
        n.pooling(2, new PoolingGeometry(8, 4, 13, 3, 2, 0, 1, 3, 6));
        n.pooling(1, new PoolingGeometry(3, 40, 40, 15, 7, 7, 7, 7));
        for (int i = 0; i < count; i++) {
            n.pooling(random.nextInt(1, 4), randomPooling(random));
        }
        n.faultyPixels();
        return n.trials;
    }

    static List<Trial> responseNorms(RandomGenerator random, int count) {
        NeighbourhoodTrials n = new NeighbourhoodTrials(random);
        n.responseNorm(new Tensors().activation(2, 48, 9, 9), new ResponseNorm(5, 1e-4f, 0.75f, 2, 1));
        n.responseNorm(new Tensors().activation(1, 96, 5, 5), new ResponseNorm(5, 1e-4f, 0.75f, 2, 2));
        n.responseNorm(new Tensors().activation(3, 1, 1, 1), new ResponseNorm(5, 1, 0.75f, 1, 1));
        for (int i = 0; i < count; i++) {
            int groups = random.nextInt(1, 4);
            float beta = new float[] {0.5f, 0.75f, 1, random.nextFloat(0.1f, 2)}[random.nextInt(4)];
            n.responseNorm(
                    new Tensors().activation(random.nextInt(1, 4), groups * random.nextInt(1, 40), random.nextInt(1, 7),
                            random.nextInt(1, 7)),
                    new ResponseNorm(2 * random.nextInt(0, 5) + 1, random.nextBoolean() ? 1e-4f : random.nextFloat(), beta,
                            random.nextFloat(0.5f, 3), groups));
        }
        return n.trials;
    }

    static List<Trial> spatialNorms(RandomGenerator random, int count) {
        NeighbourhoodTrials n = new NeighbourhoodTrials(random);
        n.spatialNorm(new Tensors().activation(2, 32, 9, 7), new SpatialNorm(5, 4e-5f, 0.75f, 1));
        n.spatialNorm(new Tensors().activation(1, 3, 1, 1), new SpatialNorm(5, 1, 0.75f, 1));
        for (int i = 0; i < count; i++) {
            float beta = new float[] {0.5f, 0.75f, 0.75f, random.nextFloat(0.1f, 2)}[random.nextInt(4)];
            n.spatialNorm(
                    new Tensors().activation(random.nextInt(1, 4), random.nextInt(1, 40), random.nextInt(1, 12), random.nextInt(1, 12)),
                    new SpatialNorm(2 * random.nextInt(0, 5) + 1, random.nextBoolean() ? 1e-4f : random.nextFloat(), beta,
                            random.nextFloat(0.5f, 3)));
        }
        return n.trials;
    }

    private void spatialNorm(Tensor input, SpatialNorm norm) {
        Tensors t = new Tensors();
        Tensor x = t.like(input);
        Tensor y = t.like(input);
        add(new SpatialNormForward("norm", norm, x, y));
        add(new SpatialNormBackward("norm", norm, x, y, t.like(x)));
    }

    /** Every window holds a pixel of the image; with ceil geometry the last may reach past the padding. */
    static PoolingGeometry randomPooling(RandomGenerator random) {
        while (true) {
            int window = random.nextInt(1, 6);
            int stride = random.nextInt(1, 5);
            int padding = random.nextInt(0, window);
            int height = random.nextInt(1, 18);
            int width = random.nextInt(1, 18);
            boolean ceil = random.nextBoolean();
            int outputHeight = ProductTrials.windows(height, window, stride, padding, ceil);
            int outputWidth = ProductTrials.windows(width, window, stride, padding, ceil);
            boolean inside = (outputHeight - 1) * stride - padding < height && (outputWidth - 1) * stride - padding < width;
            if (outputHeight > 0 && outputWidth > 0 && inside) {
                return cut(random,
                        new PoolingGeometry(random.nextInt(1, 40), height, width, window, stride, padding, outputHeight, outputWidth));
            }
        }
    }

    /** As {@link ProductTrials#cut}. */
    static PoolingGeometry cut(RandomGenerator random, PoolingGeometry g) {
        if (random.nextBoolean()) {
            return g;
        }
        int top = random.nextInt(g.window());
        int height = random.nextBoolean() ? g.height() : random.nextInt(1, 5);
        int outputHeight = random.nextInt(1, (height - 1 + top) / g.stride() + 2);
        return new PoolingGeometry(g.channels(), height, g.width(), g.window(), g.stride(), g.padding(), top, outputHeight,
                g.outputWidth());
    }

    private void pooling(int batch, PoolingGeometry g) {
        Tensors t = new Tensors();
        Tensor input = t.activation(batch, g.channels(), g.height(), g.width());
        Tensor output = t.activation(batch, g.channels(), g.outputHeight(), g.outputWidth());
        add(new MaxPoolForward("pool", g, input, output, null));
        add(new MaxPoolBackward("pool", g, t.winners(output), output, input));
        add(new AveragePoolForward("pool", g, input, output));
        add(new AveragePoolBackward("pool", g, output, input));
    }

    /** NaN is the largest of all; in a window with nothing else -infinity is. The winner shows in the backward pass. */
    private void faultyPixels() {
        PoolingGeometry g = new PoolingGeometry(20, 7, 7, 3, 2, 0, 3, 3);
        for (float fault : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY}) {
            Tensors t = new Tensors();
            Tensor input = t.activation(1, g.channels(), g.height(), g.width());
            Tensor output = t.activation(1, g.channels(), g.outputHeight(), g.outputWidth());
            Tensor winners = t.winners(output);
            Trial trial = Draw.trial(random, new MaxPoolForward("pool", g, input, output, winners),
                    new MaxPoolBackward("pool", g, winners, t.like(output), t.like(input)));
            trials.add(Draw.with(Draw.with(trial, input, 8, fault), input, 10, fault));
        }
        PoolingGeometry one = new PoolingGeometry(1, 1, 1, 3, 1, 1, 1, 1);
        Tensors t = new Tensors();
        Tensor pixel = t.activation(1, 1, 1, 1);
        trials.add(Draw.with(Draw.trial(random, new MaxPoolForward("pool", one, pixel, t.like(pixel), null)),
                pixel, 0, Float.NEGATIVE_INFINITY));
    }

    private void responseNorm(Tensor input, ResponseNorm norm) {
        Tensors t = new Tensors();
        Tensor x = t.like(input);
        Tensor y = t.like(input);
        add(new ResponseNormForward("norm", norm, x, y));
        add(new ResponseNormBackward("norm", norm, x, y, t.like(x)));
        if (x.height() >= 3 && x.width() >= 3) {
            PoolingGeometry g = new PoolingGeometry(x.channels(), x.height(), x.width(), 3, 2, 0, (x.height() - 1) / 2,
                    (x.width() - 1) / 2);
            add(new ResponseNormForward("norm", norm, x, y),
                    new MaxPoolForward("pool", g, y, t.activation(x.batch(), x.channels(), g.outputHeight(), g.outputWidth()), null));
        }
    }

    private void add(Operation... operations) {
        trials.add(Draw.trial(random, operations));
    }
}
