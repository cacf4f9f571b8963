package duet.use;

import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;

/** Small networks that are no chains. */
final class TestGraphs {
    private TestGraphs() {}

    private static Node convolution(String name, String input, int filters, int kernel, int padding) {
        return new Node(new Layer.Convolution(name, filters, kernel, 1, padding, 1, Rounding.FLOOR, true, Initialization.PAPER),
                List.of(input));
    }

    private static Node relu(String name, String input) {
        return new Node(new Layer.Nonlinearity(name, Activation.RELU), List.of(input));
    }

    private static Node pool(String name, String input, Layer.Pooling.Kind kind, int window, int stride, int padding, Rounding rounding) {
        return new Node(new Layer.Pooling(name, kind, window, stride, padding, rounding), List.of(input));
    }

    private static Node fullyConnected(String name, String input, int outputs) {
        return new Node(new Layer.FullyConnected(name, outputs, true, Initialization.PAPER), List.of(input));
    }

    private static Node dropout(String name, String input, boolean inverted) {
        return new Node(new Layer.Dropout(name, 0.4, inverted), List.of(input));
    }

    private static Node norm(String name, String input) {
        return new Node(new Layer.LocalResponseNorm(name, 5, 0.5, 0.75, 1, 1), List.of(input));
    }

    private static Node join(String name, String... inputs) {
        return new Node(new Layer.Concatenation(name), List.of(inputs));
    }

    private static Node add(String name, String... inputs) {
        return new Node(new Layer.Addition(name), List.of(inputs));
    }

    /** Two modules of four branches, one of them smaller by pooling that rounds up, and an auxiliary classifier between them. */
    static Network inception() {
        return new Network("inception", new Shape(3, 20, 20), 1.0 / 64, List.of(
                convolution("conv1", Network.IMAGE, 6, 5, 2), relu("relu1", "conv1"),
                pool("pool1", "relu1", Layer.Pooling.Kind.MAX, 3, 2, 0, Rounding.CEIL), norm("norm1", "pool1"),
                convolution("conv-1x1", "norm1", 6, 1, 0), relu("relu-1x1", "conv-1x1"),
                convolution("conv-3x3-reduce", "norm1", 4, 1, 0), relu("relu-3x3-reduce", "conv-3x3-reduce"),
                convolution("conv-3x3", "relu-3x3-reduce", 8, 3, 1), relu("relu-3x3", "conv-3x3"),
                pool("pool-max", "norm1", Layer.Pooling.Kind.MAX, 3, 1, 1, Rounding.CEIL), convolution("conv-pool", "pool-max", 5, 1, 0),
                relu("relu-pool", "conv-pool"),
                pool("pool-average", "norm1", Layer.Pooling.Kind.AVERAGE, 3, 1, 1, Rounding.FLOOR),
                join("join-a", "relu-1x1", "relu-3x3", "relu-pool", "pool-average"),
                pool("aux-pool", "join-a", Layer.Pooling.Kind.AVERAGE, 5, 3, 0, Rounding.FLOOR), fullyConnected("aux-fc", "aux-pool", 9),
                relu("aux-relu", "aux-fc"), fullyConnected("aux-scores", "aux-relu", 7),
                new Node(new Layer.SoftmaxCrossEntropy("aux-loss", 0.3), List.of("aux-scores")),
                pool("pool-b", "join-a", Layer.Pooling.Kind.MAX, 3, 2, 0, Rounding.CEIL),
                pool("average-b", "join-a", Layer.Pooling.Kind.AVERAGE, 3, 2, 0, Rounding.CEIL), norm("norm-b", "average-b"),
                join("join-b", "pool-b", "norm-b"), dropout("drop-b", "join-b", false),
                pool("global", "drop-b", Layer.Pooling.Kind.AVERAGE, 5, 1, 0, Rounding.FLOOR), dropout("drop", "global", true),
                fullyConnected("scores", "drop", 7), new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
    }

    /** Two blocks around which their inputs go, added three at once in the second. */
    static Network residual() {
        return new Network("residual", new Shape(3, 13, 13), 1.0 / 64, List.of(
                convolution("conv1", Network.IMAGE, 8, 3, 1), relu("relu1", "conv1"),
                pool("pool1", "relu1", Layer.Pooling.Kind.MAX, 2, 2, 0, Rounding.CEIL),
                convolution("conv2", "pool1", 8, 3, 1), relu("relu2", "conv2"), convolution("conv3", "relu2", 8, 3, 1),
                add("sum1", "conv3", "pool1"), relu("relu3", "sum1"),
                convolution("conv4", "relu3", 8, 3, 1), add("sum2", "relu3", "conv4", "pool1"), relu("relu4", "sum2"),
                pool("pool4", "relu4", Layer.Pooling.Kind.AVERAGE, 3, 2, 0, Rounding.FLOOR),
                fullyConnected("fc", "pool4", 6), new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("fc"))));
    }

    /** What fully connected layers make goes several ways, is joined with maps of one pixel, added to them and convolved. */
    static Network flat() {
        return new Network("flat", new Shape(3, 9, 9), 1.0 / 64, List.of(
                convolution("conv1", Network.IMAGE, 6, 3, 0), relu("relu1", "conv1"),
                pool("pool1", "relu1", Layer.Pooling.Kind.AVERAGE, 7, 1, 0, Rounding.FLOOR),
                fullyConnected("fc-a", "relu1", 6), fullyConnected("fc-b", "relu1", 5), relu("relu-a", "fc-a"),
                join("join-flat", "relu-a", "fc-b"), add("sum", "relu-a", "pool1"), join("join-mixed", "join-flat", "sum"),
                fullyConnected("fc-c", "join-mixed", 8), convolution("conv-c", "join-mixed", 8, 1, 0), relu("relu-c", "fc-c"),
                add("sum-c", "relu-c", "conv-c"), norm("norm-c", "relu-c"), join("join-c", "sum-c", "norm-c", "relu-c"),
                fullyConnected("scores", "join-c", 4), new Node(new Layer.SoftmaxCrossEntropy("loss"), List.of("scores"))));
    }
}
