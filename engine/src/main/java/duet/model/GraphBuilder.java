package duet.model;

import java.util.ArrayList;
import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Layer.Pooling.Kind;
import duet.net.Node;
import duet.net.Rounding;

/** Layers that branch: each takes what the one before makes, unless {@link #from} or {@link #join} says otherwise. */
final class GraphBuilder {
    private final List<Node> nodes = new ArrayList<>();
    private final Initialization initialization;
    private final Initialization scores;
    private String last;

    /**
     * @param input          what the first layer takes
     * @param initialization of every layer with a ReLU
     * @param scores         of every classifier's scores
     */
    GraphBuilder(String input, Initialization initialization, Initialization scores) {
        this.initialization = initialization;
        this.scores = scores;
        last = input;
    }

    private GraphBuilder add(Layer layer) {
        return add(layer, List.of(last));
    }

    private GraphBuilder add(Layer layer, List<String> inputs) {
        nodes.add(new Node(layer, inputs));
        last = layer.name();
        return this;
    }

    /** {@return the name of the layer that the next one takes its input from} */
    String last() {
        return last;
    }

    /** The next layer takes what that one makes. */
    GraphBuilder from(String layer) {
        last = layer;
        return this;
    }

    /** With a ReLU. The padding keeps the size where the stride is 1. */
    GraphBuilder convolution(String name, int filters, int kernel, int stride) {
        return add(new Layer.Convolution(name, filters, kernel, stride, kernel / 2, 1, Rounding.FLOOR, true, initialization)).relu(name);
    }

    /** With a ReLU. */
    GraphBuilder fullyConnected(String name, int outputs) {
        return add(new Layer.FullyConnected(name, outputs, true, initialization)).relu(name);
    }

    private GraphBuilder relu(String name) {
        return add(new Layer.Nonlinearity(name + "-relu", Activation.RELU));
    }

    /** @param alpha not divided by the size */
    GraphBuilder norm(String name, int size, double alpha) {
        return add(new Layer.LocalResponseNorm(name, size, alpha, 0.75, 1, 1));
    }

    /** Rounding up. */
    GraphBuilder maxPool(String name, int window, int stride, int padding) {
        return add(new Layer.Pooling(name, Kind.MAX, window, stride, padding, Rounding.CEIL));
    }

    /** Rounding up. */
    GraphBuilder averagePool(String name, int window, int stride) {
        return add(new Layer.Pooling(name, Kind.AVERAGE, window, stride, 0, Rounding.CEIL));
    }

    /** Inverted. */
    GraphBuilder dropout(String name, double rate) {
        return add(new Layer.Dropout(name, rate, true));
    }

    /** The channels of several layers side by side. */
    GraphBuilder join(String name, List<String> layers) {
        return add(new Layer.Concatenation(name), layers);
    }

    /** A classifier's scores and loss. */
    GraphBuilder loss(String name, int classes, String loss, double weight) {
        return add(new Layer.FullyConnected(name, classes, true, scores)).add(new Layer.SoftmaxCrossEntropy(loss, weight));
    }

    /** {@return the layers so far} */
    List<Node> nodes() {
        return nodes;
    }
}
