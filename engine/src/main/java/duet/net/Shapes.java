package duet.net;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

import duet.net.Initialization.Distribution;

/** Infers and checks shapes, in longs: absurd sizes give messages, not wrong numbers. */
final class Shapes {
    /** Tensors and parameters are exchanged with the host as Java arrays. */
    private static final long MOST_ELEMENTS = Integer.MAX_VALUE;
    /** The winner of a max-pooling window is recorded in a byte. */
    private static final int LARGEST_MAX_POOL_WINDOW = 16;
    /** Backward, a convolution falls into stride x stride parts. */
    private static final int LARGEST_STRIDE = 64;
    private static final int LARGEST_NORM = 1023;
    private static final int LARGEST_SPATIAL_NORM = 31;
    private static final Pattern NAME = Pattern.compile("[a-z0-9_-]+");

    private Shapes() {}

    /** Throws {@link NetworkException} at the first layer that makes no sense. */
    static void check(String network, Shape input, List<Node> nodes) {
        checkName(network, "the network's name");
        checkSize(Network.IMAGE, "channels", input.channels());
        checkSize(Network.IMAGE, "height", input.height());
        checkSize(Network.IMAGE, "width", input.width());
        checkElements(Network.IMAGE, input.channels(), input.height(), input.width());
        if (nodes.isEmpty() || !(nodes.getLast().layer() instanceof Layer.SoftmaxCrossEntropy)) {
            throw new NetworkException("network " + network + ": the last layer must be a softmax-cross-entropy");
        }
        checkNames(nodes.stream().map(Node::layer).toList());
        Connections connections = new Connections(nodes);
        Map<String, Shape> shapes = new HashMap<>(Map.of(Network.IMAGE, input));
        for (Node node : nodes) {
            connections.check(node);
            if (node.layer() instanceof Layer.SoftmaxCrossEntropy loss) {
                String scores = node.inputs().getFirst();
                connections.checkLoss(loss, scores, shapes.get(scores));
            }
            add(node, shapes);
        }
        connections.checkUsed();
        checkClasses(nodes, shapes);
    }

    /** For each node what it makes of one image; the nodes have been checked, and are not checked again. */
    static List<Shape> infer(Shape input, List<Node> nodes) {
        Map<String, Shape> shapes = new HashMap<>(Map.of(Network.IMAGE, input));
        return nodes.stream().map(node -> add(node, shapes)).toList();
    }

    /** Adds what a node makes to what those before make, by name. */
    private static Shape add(Node node, Map<String, Shape> shapes) {
        List<Shape> seen = new ArrayList<>();
        for (String input : node.inputs()) {
            seen.add(shapes.get(input));
        }
        Shape made = output(node, seen);
        shapes.put(node.name(), made);
        return made;
    }

    /** Every loss is about the same classes. */
    private static void checkClasses(List<Node> nodes, Map<String, Shape> shapes) {
        int classes = shapes.get(nodes.getLast().name()).channels();
        for (Node node : nodes) {
            int own = shapes.get(node.name()).channels();
            if (node.layer() instanceof Layer.SoftmaxCrossEntropy && own != classes) {
                throw new NetworkException(
                        node.name() + ": tells " + own + " classes apart, but " + nodes.getLast().name() + " " + classes);
            }
        }
    }

    /** Names that can stand in files, each once. */
    static void checkNames(List<Layer> layers) {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < layers.size(); i++) {
            String name = layers.get(i).name();
            checkName(name, "the name of layer " + (i + 1));
            if (name.equals(Network.IMAGE)) {
                throw new NetworkException("layer " + (i + 1) + " is called input, but that is the image itself; choose another name");
            }
            if (!names.add(name)) {
                throw new NetworkException(name + ": two layers have this name; names must be unique");
            }
        }
    }

    static void checkInputScale(double scale) {
        if (!(Math.abs(scale) <= Float.MAX_VALUE) || (float) scale == 0) {
            throw new NetworkException("input: the scale must be a finite number other than 0, not " + scale);
        }
    }

    /** @param inputs as many as the layer takes */
    private static Shape output(Node node, List<Shape> inputs) {
        Shape in = inputs.getFirst();
        return switch (node.layer()) {
            case Layer.Convolution l -> convolution(l, in);
            case Layer.FullyConnected l -> fullyConnected(l, in);
            case Layer.Pooling l -> pooling(l, in);
            case Layer.Nonlinearity l -> {
                Objects.requireNonNull(l.function(), l.name());
                yield in;
            }
            case Layer.LocalResponseNorm l -> {
                checkSize(l.name(), l.size(), LARGEST_NORM, "channel");
                checkGroups(l.name(), l.groups());
                checkDivides(l.name(), l.groups(), in.channels(), "channels");
                checkFormula(l.name(), l.alpha(), l.beta(), l.k());
                yield in;
            }
            case Layer.SpatialResponseNorm l -> {
                checkSize(l.name(), l.size(), LARGEST_SPATIAL_NORM, "pixel");
                checkFormula(l.name(), l.alpha(), l.beta(), l.k());
                yield in;
            }
            case Layer.Dropout l -> {
                if (!(l.rate() >= 0 && (float) l.rate() < 1)) {
                    throw new NetworkException(l.name() + ": the dropout rate must be at least 0 and below 1, not " + l.rate());
                }
                yield in;
            }
            case Layer.Concatenation l -> concatenation(l, node.inputs(), inputs);
            case Layer.Addition l -> {
                requireEqual(l.name(), "adds", node.inputs(), inputs, shape -> shape);
                yield in;
            }
            case Layer.SoftmaxCrossEntropy l -> {
                if (!(l.weight() > 0 && l.weight() <= Float.MAX_VALUE)) {
                    throw new NetworkException(l.name() + ": the weight of a loss must be above 0, not " + l.weight());
                }
                yield in;
            }
        };
    }

    private static Shape concatenation(Layer.Concatenation l, List<String> names, List<Shape> inputs) {
        requireEqual(l.name(), "joins the channels of", names, inputs, shape -> new Shape(1, shape.height(), shape.width()));
        long channels = inputs.stream().mapToLong(Shape::channels).sum();
        checkElements(l.name(), channels, inputs.getFirst().height(), inputs.getFirst().width());
        return new Shape((int) channels, inputs.getFirst().height(), inputs.getFirst().width());
    }

    /** @param part of the shapes that must be equal */
    private static void requireEqual(String layer, String does, List<String> names, List<Shape> inputs, UnaryOperator<Shape> part) {
        for (int i = 1; i < inputs.size(); i++) {
            if (!part.apply(inputs.get(i)).equals(part.apply(inputs.getFirst()))) {
                throw new NetworkException(layer + ": " + does + " " + names.getFirst() + " and " + names.get(i) + ", but those are "
                        + inputs.getFirst() + " and " + inputs.get(i));
            }
        }
    }

    private static Shape convolution(Layer.Convolution l, Shape in) {
        checkSize(l.name(), "filters", l.filters());
        checkGroups(l.name(), l.groups());
        checkDivides(l.name(), l.groups(), in.channels(), "input channels");
        checkDivides(l.name(), l.groups(), l.filters(), "output channels");
        checkWindow(l.name(), "kernel", l.receptiveWindow());
        long height = outputs(l.name(), "kernel", l.receptiveWindow(), l.rounding(), in, in.height());
        long width = outputs(l.name(), "kernel", l.receptiveWindow(), l.rounding(), in, in.width());
        checkWeight(l, in);
        checkElements(l.name(), l.filters(), height, width);
        checkInitialization(l.name(), l.initialization());
        if (!(l.maximumRms() >= 0 && l.maximumRms() <= Float.MAX_VALUE)) {
            throw new NetworkException(
                    l.name() + ": the filters' largest root mean square must be above 0, or 0 for none, not " + l.maximumRms());
        }
        return new Shape(l.filters(), (int) height, (int) width);
    }

    private static Shape fullyConnected(Layer.FullyConnected l, Shape in) {
        checkSize(l.name(), "outputs", l.outputs());
        checkWeight(l, in);
        checkInitialization(l.name(), l.initialization());
        return new Shape(l.outputs(), 1, 1);
    }

    private static Shape pooling(Layer.Pooling l, Shape in) {
        if (l.kind() == Layer.Pooling.Kind.MAX && l.window() > LARGEST_MAX_POOL_WINDOW) {
            throw new NetworkException(
                    l.name() + ": a max-pooling window may be at most " + LARGEST_MAX_POOL_WINDOW + ", not " + l.window());
        }
        checkWindow(l.name(), "window", l.receptiveWindow());
        long height = outputs(l.name(), "window", l.receptiveWindow(), l.rounding(), in, in.height());
        long width = outputs(l.name(), "window", l.receptiveWindow(), l.rounding(), in, in.width());
        checkElements(l.name(), in.channels(), height, width);
        return new Shape(in.channels(), (int) height, (int) width);
    }

    /** @param middle what lies in the middle of a window */
    private static void checkSize(String layer, int size, int largest, String middle) {
        checkSize(layer, "size", size);
        if (size % 2 == 0) {
            throw new NetworkException(layer + ": the size must be odd, so that a " + middle + " is in the middle, not " + size);
        }
        if (size > largest) {
            throw new NetworkException(layer + ": the size may be at most " + largest + ", not " + size);
        }
    }

    private static void checkFormula(String layer, double alpha, double beta, double k) {
        if (!(alpha >= 0 && alpha <= Float.MAX_VALUE)) {
            throw new NetworkException(layer + ": alpha must be at least 0, not " + alpha);
        }
        if (!(beta >= 0 && beta <= Float.MAX_VALUE)) {
            throw new NetworkException(layer + ": beta must be at least 0, not " + beta);
        }
        if (!((float) k > 0 && k <= Float.MAX_VALUE)) {
            throw new NetworkException(layer + ": k must be above 0, not " + k);
        }
    }

    /** @param noun what the layer calls its window */
    private static void checkWindow(String layer, String noun, Window window) {
        checkSize(layer, noun, window.size());
        checkSize(layer, "stride", window.stride());
        if (window.stride() > LARGEST_STRIDE) {
            throw new NetworkException(layer + ": a stride may be at most " + LARGEST_STRIDE + ", not " + window.stride());
        }
        if (window.padding() < 0) {
            throw new NetworkException(layer + ": the padding must be at least 0, not " + window.padding());
        }
        if (window.padding() >= window.size()) {
            throw new NetworkException(layer + ": a padding of " + window.padding() + " is not smaller than the " + noun + " of "
                    + window.size() + ", so the first " + noun + " would see nothing of the image");
        }
    }

    /** @param length height or width of the input */
    private static long outputs(String layer, String noun, Window window, Rounding rounding, Shape in, int length) {
        Objects.requireNonNull(rounding, layer);
        long outputs = window.outputs(length, rounding);
        if (outputs == 0) {
            throw new NetworkException(layer + ": a " + noun + " of " + window.size() + " does not fit into " + in.height() + "x"
                    + in.width() + " (padding " + window.padding() + ")");
        }
        if ((outputs - 1) * window.stride() >= (long) length + window.padding()) {
            throw new NetworkException(layer + ": with rounding ceil the last " + noun + " would lie outside of " + in.height() + "x"
                    + in.width() + " (stride " + window.stride() + ", padding " + window.padding() + "); use floor");
        }
        return outputs;
    }

    private static void checkName(String name, String what) {
        if (name == null || !NAME.matcher(name).matches()) {
            throw new NetworkException(what + " is " + (name == null ? "missing" : "\"" + name + "\"")
                    + "; a name consists of the characters a-z, 0-9, _ and -");
        }
    }

    private static void checkSize(String layer, String what, int value) {
        if (value <= 0) {
            throw new NetworkException(layer + ": " + what + " must be above 0, not " + value);
        }
    }

    private static void checkGroups(String layer, int groups) {
        checkSize(layer, "groups", groups);
    }

    private static void checkDivides(String layer, int groups, int channels, String what) {
        if (channels % groups != 0) {
            throw new NetworkException(layer + ": " + groups + " groups do not divide " + channels + " " + what);
        }
    }

    private static void checkElements(String layer, long channels, long height, long width) {
        if (height > MOST_ELEMENTS / channels || width > MOST_ELEMENTS / channels / height) {
            throw new NetworkException(layer + ": " + channels + "x" + height + "x" + width + " is too large; an image may have at most "
                    + MOST_ELEMENTS + " numbers");
        }
    }

    private static void checkWeight(Layer.Weighted l, Shape in) {
        Shape filter = l.filter(in);
        long limit = MOST_ELEMENTS;
        for (long factor : new long[] {l.outputs(), filter.channels(), filter.height(), filter.width()}) {
            limit /= factor;
        }
        if (limit == 0) {
            throw new NetworkException(l.name() + ": a weight of " + l.outputs() + "x" + filter + " is too large; it may have at most "
                    + MOST_ELEMENTS + " numbers");
        }
    }

    private static void checkInitialization(String layer, Initialization init) {
        Objects.requireNonNull(init, layer);
        if (!(init.deviation() >= 0 && init.deviation() <= Float.MAX_VALUE)) {
            throw new NetworkException(layer + ": the deviation of the weights must be at least 0, not " + init.deviation());
        }
        if (init.distribution() != Distribution.NORMAL && init.deviation() != 0) {
            throw new NetworkException(layer + ": the distribution " + init.distribution().name().toLowerCase(Locale.ROOT)
                    + " computes the deviation itself; leave it out");
        }
        if (!(Math.abs(init.bias()) <= Float.MAX_VALUE)) {
            throw new NetworkException(layer + ": the initial bias must be finite, not " + init.bias());
        }
    }
}
