package duet.model;

import java.util.ArrayList;
import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Rounding;

/** Layers with the usual names: the n-th layer with weights and what belongs to it. */
final class Chain {
    private final List<Layer> layers = new ArrayList<>();
    private final Rounding rounding;
    private int number;

    /** @param rounding of all convolutions, and of pooling that does not say otherwise */
    Chain(Rounding rounding) {
        this.rounding = rounding;
    }

    /** Weights alone; ReLU may come later. */
    Chain linear(int filters, int kernel, int stride, int padding, int groups, Initialization init) {
        number++;
        layers.add(new Layer.Convolution("conv" + number, filters, kernel, stride, padding, groups, rounding, true, init));
        return this;
    }

    Chain convolution(int filters, int kernel, int stride, int padding, int groups, Initialization init) {
        return linear(filters, kernel, stride, padding, groups, init).relu();
    }

    Chain fullyConnected(int outputs, Initialization init) {
        number++;
        layers.add(new Layer.FullyConnected("fc" + number, outputs, true, init));
        return relu();
    }

    Chain relu() {
        layers.add(new Layer.Nonlinearity("relu" + number, Activation.RELU));
        return this;
    }

    /** @param alpha not divided by the size */
    Chain norm(int size, double alpha, double k, int groups) {
        layers.add(new Layer.LocalResponseNorm("norm" + number, size, alpha, 0.75, k, groups));
        return this;
    }

    /** 3x3, stride 2: the overlapping pooling of all these networks. */
    Chain pool() {
        return pool(Layer.Pooling.Kind.MAX, rounding);
    }

    Chain pool(Rounding other) {
        return pool(Layer.Pooling.Kind.MAX, other);
    }

    Chain pool(Layer.Pooling.Kind kind, Rounding other) {
        layers.add(new Layer.Pooling("pool" + number, kind, 3, 2, 0, other));
        return this;
    }

    /** Named after the layer before it. */
    Chain dropout(double rate, boolean inverted) {
        layers.add(new Layer.Dropout("dropout" + number, rate, inverted));
        return this;
    }

    /** Before layer {@code number + 1}, and named after that. */
    Chain dropoutBefore(double rate, boolean inverted) {
        layers.add(new Layer.Dropout("dropout" + (number + 1), rate, inverted));
        return this;
    }

    List<Layer> end(int classes, Initialization init) {
        layers.add(new Layer.FullyConnected("fc" + (number + 1), classes, true, init));
        layers.add(new Layer.SoftmaxCrossEntropy("loss"));
        return layers;
    }
}
