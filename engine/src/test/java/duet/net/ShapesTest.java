package duet.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Initialization.Distribution;
import duet.net.Layer.Pooling.Kind;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ShapesTest {
    private static final Layer SCORES = new Layer.FullyConnected("scores", 10, true, Initialization.PAPER);
    private static final Layer LOSS = new Layer.SoftmaxCrossEntropy("loss");

    private static Network network(Shape input, Layer... layers) {
        List<Layer> all = new ArrayList<>(List.of(layers));
        all.add(SCORES);
        all.add(LOSS);
        return Network.chain("net", input, 1, all);
    }

    private static Layer convolution(int filters, int kernel, int stride, int padding, int groups, Rounding rounding) {
        return new Layer.Convolution("conv1", filters, kernel, stride, padding, groups, rounding, true, Initialization.PAPER);
    }

    private static Layer pool(int window, int stride, int padding, Rounding rounding) {
        return new Layer.Pooling("pool1", Kind.MAX, window, stride, padding, rounding);
    }

    private static void assertRefused(String message, Shape input, Layer... layers) {
        assertEquals(message, assertThrows(NetworkException.class, () -> network(input, layers)).getMessage());
    }

    /** Sizes by hand: 1 + (size + 2 padding - window) / stride, down or up. */
    @ParameterizedTest
    @CsvSource({
            "227, 11, 4, 0, FLOOR, 55", "224, 11, 4, 0, FLOOR, 54", "224, 11, 4, 0, CEIL, 55", "224, 11, 4, 2, FLOOR, 55",
            "27, 5, 1, 2, FLOOR, 27",
            "13, 3, 2, 0, FLOOR, 6", "28, 3, 2, 0, FLOOR, 13", "28, 3, 2, 0, CEIL, 14", "3, 3, 7, 0, CEIL, 1", "1, 1, 1, 0, FLOOR, 1",
    })
    void windows(int size, int window, int stride, int padding, Rounding rounding, int outputs) {
        Shape input = new Shape(4, size, size);
        assertEquals(new Shape(6, outputs, outputs),
                network(input, convolution(6, window, stride, padding, 2, rounding)).shapes().getFirst());
        assertEquals(new Shape(4, outputs, outputs), network(input, pool(window, stride, padding, rounding)).shapes().getFirst());
    }

    @Test
    void heightAndWidthApart() {
        Network network = network(new Shape(3, 10, 7), convolution(8, 3, 2, 0, 1, Rounding.FLOOR),
                new Layer.Nonlinearity("relu", Activation.RELU));
        assertEquals(List.of(new Shape(8, 4, 3), new Shape(8, 4, 3), new Shape(10, 1, 1), new Shape(10, 1, 1)), network.shapes());
        assertEquals(10, network.classes());
    }

    @Test
    void groups() {
        assertRefused("conv1: 2 groups do not divide 255 output channels", new Shape(4, 9, 9),
                convolution(255, 3, 1, 0, 2, Rounding.FLOOR));
        assertRefused("conv1: 2 groups do not divide 3 input channels", new Shape(3, 9, 9), convolution(256, 3, 1, 0, 2, Rounding.FLOOR));
        assertRefused("conv1: groups must be above 0, not 0", new Shape(3, 9, 9), convolution(256, 3, 1, 0, 0, Rounding.FLOOR));
        assertRefused("norm1: 2 groups do not divide 3 channels", new Shape(3, 9, 9), new Layer.LocalResponseNorm("norm1", 5, 1, 1, 1, 2));
    }

    @Test
    void windowsThatDoNotFit() {
        assertRefused("pool1: a window of 3 does not fit into 2x2 (padding 0)", new Shape(3, 2, 2), pool(3, 2, 0, Rounding.FLOOR));
        assertRefused("pool1: a window of 3 does not fit into 2x2 (padding 0)", new Shape(3, 2, 2), pool(3, 2, 0, Rounding.CEIL));
        assertRefused("conv1: a kernel of 9 does not fit into 9x6 (padding 1)", new Shape(3, 9, 6),
                convolution(4, 9, 1, 1, 1, Rounding.FLOOR));
        assertRefused("pool1: a padding of 2 is not smaller than the window of 2, so the first window would see nothing of the image",
                new Shape(3, 9, 9), pool(2, 1, 2, Rounding.FLOOR));
        assertRefused("pool1: with rounding ceil the last window would lie outside of 9x9 (stride 2, padding 1); use floor",
                new Shape(3, 9, 9), pool(2, 2, 1, Rounding.CEIL));
        assertRefused("pool1: a max-pooling window may be at most 16, not 17", new Shape(3, 99, 99), pool(17, 1, 0, Rounding.FLOOR));
        assertEquals(new Shape(3, 1, 1),
                network(new Shape(3, 20, 20), new Layer.Pooling("p", Kind.AVERAGE, 20, 1, 0, Rounding.FLOOR)).shapes().getFirst());
    }

    @Test
    void values() {
        Shape input = new Shape(3, 9, 9);
        assertRefused("conv1: stride must be above 0, not 0", input, convolution(4, 3, 0, 0, 1, Rounding.FLOOR));
        assertRefused("conv1: kernel must be above 0, not -3", input, convolution(4, -3, 1, 0, 1, Rounding.FLOOR));
        assertRefused("conv1: the padding must be at least 0, not -1", input, convolution(4, 3, 1, -1, 1, Rounding.FLOOR));
        assertRefused("conv1: filters must be above 0, not 0", input, convolution(0, 3, 1, 0, 1, Rounding.FLOOR));
        assertRefused("norm1: the size must be odd, so that a channel is in the middle, not 4", input,
                new Layer.LocalResponseNorm("norm1", 4, 1, 1, 1, 1));
        assertRefused("norm1: alpha must be at least 0, not NaN", input, new Layer.LocalResponseNorm("norm1", 5, Double.NaN, 1, 1, 1));
        assertRefused("norm1: beta must be at least 0, not -1.0", input, new Layer.LocalResponseNorm("norm1", 5, 1, -1, 1, 1));
        assertRefused("norm1: k must be above 0, not 0.0", input, new Layer.LocalResponseNorm("norm1", 5, 1, 1, 0, 1));
        assertRefused("spatial: the size must be odd, so that a pixel is in the middle, not 4", input,
                new Layer.SpatialResponseNorm("spatial", 4, 1, 1, 1));
        assertRefused("spatial: the size may be at most 31, not 33", input, new Layer.SpatialResponseNorm("spatial", 33, 1, 1, 1));
        assertRefused("spatial: k must be above 0, not 0.0", input, new Layer.SpatialResponseNorm("spatial", 5, 1, 1, 0));
        assertRefused("conv1: the filters' largest root mean square must be above 0, or 0 for none, not -0.1", input,
                new Layer.Convolution("conv1", 4, 3, 1, 1, 1, Rounding.FLOOR, true, Initialization.PAPER, -0.1));
        assertRefused("drop: the dropout rate must be at least 0 and below 1, not 1.0", input, new Layer.Dropout("drop", 1, false));
        assertRefused("drop: the dropout rate must be at least 0 and below 1, not NaN", input,
                new Layer.Dropout("drop", Double.NaN, false));
        assertRefused("drop: the dropout rate must be at least 0 and below 1, not 0.99999999999", input,
                new Layer.Dropout("drop", 0.99999999999, true));
        assertRefused("fc1: outputs must be above 0, not 0", input, new Layer.FullyConnected("fc1", 0, true, Initialization.PAPER));
        assertRefused("fc1: the deviation of the weights must be at least 0, not -1.0", input,
                new Layer.FullyConnected("fc1", 1, true, new Initialization(Distribution.NORMAL, -1, 0)));
        assertRefused("fc1: the initial bias must be finite, not Infinity", input,
                new Layer.FullyConnected("fc1", 1, true, new Initialization(Distribution.NORMAL, 1, Double.POSITIVE_INFINITY)));
        assertRefused("fc1: the distribution xavier computes the deviation itself; leave it out", input,
                new Layer.FullyConnected("fc1", 1, true, new Initialization(Distribution.XAVIER, 0.1, 0)));
        assertRefused("input: channels must be above 0, not 0", new Shape(0, 9, 9));
    }

    @Test
    void inputScale() {
        for (double scale : new double[] {0, Double.NaN, Double.POSITIVE_INFINITY, 1e-60, 1e60}) {
            assertTrue(assertThrows(NetworkException.class, () -> Network.chain("net", new Shape(3, 9, 9), scale, List.of(SCORES, LOSS)))
                    .getMessage().startsWith("input: the scale must be a finite number other than 0"));
        }
    }

    @Test
    void names() {
        Shape input = new Shape(3, 9, 9);
        Layer relu = new Layer.Nonlinearity("relu", Activation.RELU);
        assertRefused("relu: two layers have this name; names must be unique", input, relu, relu);
        for (String name : new String[] {"", "Relu", "relu.1", "re lu", "\u00e9"}) {
            assertRefused("the name of layer 1 is \"" + name + "\"; a name consists of the characters a-z, 0-9, _ and -", input,
                    new Layer.Nonlinearity(name, Activation.RELU));
        }
        assertRefused("the name of layer 1 is missing; a name consists of the characters a-z, 0-9, _ and -", input,
                new Layer.Nonlinearity(null, Activation.RELU));
        assertRefused("layer 1 is called input, but that is the image itself; choose another name", input,
                new Layer.Nonlinearity("input", Activation.RELU));
        assertThrows(NetworkException.class, () -> Network.chain("a/b", input, 1, List.of(SCORES, LOSS)));
    }

    private static void assertGraph(String message, Node... nodes) {
        List<Node> all = new ArrayList<>(List.of(nodes));
        all.add(new Node(SCORES, List.of(all.getLast().name())));
        all.add(new Node(LOSS, List.of("scores")));
        assertEquals(message,
                assertThrows(NetworkException.class, () -> new Network("net", new Shape(3, 9, 9), 1, all)).getMessage());
    }

    private static Node convolution(String name, int filters, int kernel, String... inputs) {
        return new Node(new Layer.Convolution(name, filters, kernel, 1, 0, 1, Rounding.FLOOR, true, Initialization.PAPER), List.of(inputs));
    }

    @Test
    void connections() {
        Node a = convolution("a", 4, 1, "input");
        Node b = convolution("b", 5, 3, "input");
        assertGraph("b: takes the output of aa, but there is no such layer; it can be a", a, convolution("b", 5, 3, "aa"));
        assertGraph("a: takes the output of b, which comes later; a layer stands behind its inputs", convolution("a", 4, 1, "b"), b);
        assertGraph("a: takes the output of a, which is itself", convolution("a", 4, 1, "a"));
        assertGraph("b: takes one input, not 2", a, convolution("b", 5, 3, "a", "input"));
        assertGraph("j: takes two inputs or more, not 1", a, new Node(new Layer.Concatenation("j"), List.of("a")));
        assertGraph("j: joins the channels of a and b, but those are 4x9x9 and 5x7x7", a, b,
                new Node(new Layer.Concatenation("j"), List.of("a", "b")));
        assertGraph("s: adds a and input, but those are 4x9x9 and 3x9x9", a, new Node(new Layer.Addition("s"), List.of("a", "input")));
        assertGraph("a: no layer takes its output; name it among the \"inputs\" of one, or leave it out", a, b);
    }

    @Test
    void auxiliaryLosses() {
        Node a = convolution("a", 4, 1, "input");
        Node aux = new Node(new Layer.FullyConnected("aux", 7, true, Initialization.PAPER), List.of("a"));
        assertGraph("aux-loss: tells 7 classes apart, but loss 10", a, aux,
                new Node(new Layer.SoftmaxCrossEntropy("aux-loss", 0.3), List.of("aux")), convolution("b", 2, 1, "a"));
        assertGraph("aux-loss: the weight of a loss must be above 0, not -0.3", a, aux,
                new Node(new Layer.SoftmaxCrossEntropy("aux-loss", -0.3), List.of("aux")), convolution("b", 2, 1, "a"));
        assertLoss("loss: the loss of the last layer has the weight 1, not 0.5; scale the learning rates instead", new Shape(3, 9, 9),
                SCORES,
                new Layer.SoftmaxCrossEntropy("loss", 0.5));
    }

    @Test
    void theLossEndsTheNetwork() {
        Shape input = new Shape(3, 9, 9);
        Layer relu = new Layer.Nonlinearity("relu", Activation.RELU);
        assertLoss("network net: the last layer must be a softmax-cross-entropy", input);
        assertLoss("network net: the last layer must be a softmax-cross-entropy", input, LOSS, SCORES);
        assertLoss("first: a softmax-cross-entropy ends the network, but scores follows it", input, new Layer.SoftmaxCrossEntropy("first"),
                SCORES, LOSS);
        assertLoss("loss: takes the scores of a fully-connected layer right before it, not relu's 10x1x1", input, SCORES, relu, LOSS);
        assertLoss("loss: takes the scores of a fully-connected layer right before it, not the image", input, LOSS);
        assertLoss("loss: needs at least 2 classes, but one has 1 output", input,
                new Layer.FullyConnected("one", 1, true, Initialization.PAPER), LOSS);
    }

    private static void assertLoss(String message, Shape input, Layer... layers) {
        assertEquals(message, assertThrows(NetworkException.class, () -> Network.chain("net", input, 1, List.of(layers))).getMessage());
    }

    /** Sizes whose products leave the ints, and the longs. */
    @Test
    void absurdSizes() {
        int huge = Integer.MAX_VALUE;
        String most = "2147483647 numbers";
        for (Layer layer : List.of(convolution(2_000_000_000, 11, 4, 0, 1, Rounding.FLOOR),
                convolution(2_000_000_000, 1, 1, 0, 1, Rounding.FLOOR),
                new Layer.FullyConnected("fc1", 2_000_000_000, true, Initialization.PAPER))) {
            String message = assertThrows(NetworkException.class, () -> network(new Shape(3, 227, 227), layer)).getMessage();
            assertTrue(message.contains("2000000000x3x") && message.endsWith(most), message);
        }
        for (Shape input : List.of(new Shape(huge, huge, huge), new Shape(huge, 1, 2), new Shape(65536, 65536, 1),
                new Shape(1, 1 << 30, 4))) {
            assertTrue(assertThrows(NetworkException.class, () -> network(input)).getMessage().endsWith(most), input.toString());
        }
        Shape wide = new Shape(1, 9, huge);
        assertThrows(NetworkException.class, () -> network(wide));
        assertThrows(NetworkException.class, () -> network(new Shape(3, 9, 9), convolution(4, huge, huge, huge - 1, 1, Rounding.CEIL)));
        assertThrows(NetworkException.class,
                () -> network(new Shape(3, 9, 9), new Layer.Pooling("p", Kind.AVERAGE, huge, 1, huge - 1, Rounding.CEIL)));
    }
}
