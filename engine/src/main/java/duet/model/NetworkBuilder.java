package duet.model;

import java.util.ArrayList;
import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Rounding;

/** Layers with the usual names: the n-th layer with weights and what belongs to it. */
final class NetworkBuilder {
    private final List<Layer> layers = new ArrayList<>();
    private final Rounding rounding;
    private final double maximumRms;
    private int number;

    /** @param rounding of all convolutions, and of pooling that does not say otherwise */
    NetworkBuilder(Rounding rounding) {
        this(rounding, 0);
    }

    /** @param maximumRms of the filters of all convolutions; 0: they may grow as they like */
    NetworkBuilder(Rounding rounding, double maximumRms) {
        this.rounding = rounding;
        this.maximumRms = maximumRms;
    }

    /** Weights alone; ReLU may come later. */
    NetworkBuilder linear(int filters, int kernel, int stride, int padding, int groups, Initialization init) {
        number++;
        layers.add(new Layer.Convolution("conv" + number, filters, kernel, stride, padding, groups, rounding, true, init, maximumRms));
        return this;
    }

    NetworkBuilder convolution(int filters, int kernel, int stride, int padding, int groups, Initialization init) {
        return linear(filters, kernel, stride, padding, groups, init).relu();
    }

    NetworkBuilder fullyConnected(int outputs, Initialization init) {
        number++;
        layers.add(new Layer.FullyConnected("fc" + number, outputs, true, init));
        return relu();
    }

    NetworkBuilder relu() {
        layers.add(new Layer.Nonlinearity("relu" + number, Activation.RELU));
        return this;
    }

    /** @param alpha not divided by the size */
    NetworkBuilder norm(int size, double alpha, double k, int groups) {
        layers.add(new Layer.LocalResponseNorm("norm" + number, size, alpha, 0.75, k, groups));
        return this;
    }

    /** Within each map. */
    NetworkBuilder spatialNorm(int size, double alpha) {
        layers.add(new Layer.SpatialResponseNorm("spatial" + number, size, alpha, 0.75, 1));
        return this;
    }

    /** 3x3, stride 2: the overlapping pooling of all these networks. */
    NetworkBuilder pool() {
        return pool(Layer.Pooling.Kind.MAX, rounding);
    }

    NetworkBuilder pool(Rounding other) {
        return pool(Layer.Pooling.Kind.MAX, other);
    }

    NetworkBuilder averagePool() {
        return pool(Layer.Pooling.Kind.AVERAGE, rounding);
    }

    private NetworkBuilder pool(Layer.Pooling.Kind kind, Rounding other) {
        layers.add(new Layer.Pooling("pool" + number, kind, 3, 2, 0, other));
        return this;
    }

    /** Named after the layer before it. */
    NetworkBuilder dropout(double rate, boolean inverted) {
        layers.add(new Layer.Dropout("dropout" + number, rate, inverted));
        return this;
    }

    /** Before layer {@code number + 1}, and named after that. */
    NetworkBuilder dropoutBefore(double rate, boolean inverted) {
        layers.add(new Layer.Dropout("dropout" + (number + 1), rate, inverted));
        return this;
    }

    List<Layer> end(int classes, Initialization init) {
        layers.add(new Layer.FullyConnected("fc" + (number + 1), classes, true, init));
        layers.add(new Layer.SoftmaxCrossEntropy("loss"));
        return layers;
    }
}
