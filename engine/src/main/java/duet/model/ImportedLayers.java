package duet.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/**
 * A network with its weights while it is read from a file. Layers get Duet's usual names, the n-th layer with weights and what belongs to
 * it, or their own ({@link #call}). Layers that no loss depends on are left out in the end.
 */
final class ImportedLayers {
    private static final int MOST_NAMED = 5;

    private final String file;
    private final String name;
    private final Shape input;
    private final Map<String, Node> nodes = new LinkedHashMap<>();
    private final Map<String, float[]> parameters = new LinkedHashMap<>();
    private int number;
    private int joins;
    private int additions;
    private String called;

    ImportedLayers(String file, String name, Shape input) {
        this.file = file;
        this.name = name;
        this.input = input;
    }

    /**
     * What a layer makes, or the image.
     *
     * @param node   the layer's name, or {@link Network#IMAGE}
     * @param number of the layer with weights that it comes from
     */
    record Value(String node, Shape shape, int number) {
        boolean isImage() {
            return node.equals(Network.IMAGE);
        }
    }

    Shape input() {
        return input;
    }

    Value image() {
        return new Value(Network.IMAGE, input, 0);
    }

    /** How many layers with weights there are so far. */
    int weighted() {
        return number;
    }

    /** The name of the next layer in its file, from which the layer's own is made; null for the usual one. */
    void call(String next) {
        called = next;
    }

    /** @param bias null for none */
    Value convolution(Value in, int filters, Window window, int groups, Rounding rounding, float[] weight, float[] bias) {
        number++;
        Layer.Convolution layer = new Layer.Convolution(unique("conv" + number), filters, window.size(), window.stride(), window.padding(),
                groups, rounding, bias != null, Initialization.PAPER);
        if (groups < 1 || in.shape().channels() % groups != 0) {
            throw new ModelFileException(String.format(Locale.ROOT,
                    "%s: %s: %d groups do not divide %d channels", file, layer.name(), groups, in.shape().channels()));
        }
        Shape shape = slid(in.shape(), window, rounding, filters);
        weights(layer, in.shape(), weight, bias);
        return add(layer, shape, number, in);
    }

    Value fullyConnected(Value in, int outputs, float[] weight, float[] bias) {
        number++;
        Layer.FullyConnected layer = new Layer.FullyConnected(unique("fc" + number), outputs, bias != null, Initialization.PAPER);
        weights(layer, in.shape(), weight, bias);
        return add(layer, new Shape(outputs, 1, 1), number, in);
    }

    private Value add(Layer layer, Shape shape, int of, Value... inputs) {
        nodes.put(layer.name(), new Node(layer, Arrays.stream(inputs).map(Value::node).toList()));
        return new Value(layer.name(), shape, of);
    }

    private Value add(Layer layer, Value in) {
        return add(layer, in.shape(), in.number(), in);
    }

    /**
     * Takes a factor and a summand for each output into the weights and biases of the layer that makes a value, which nobody else may use.
     *
     * @param factors   null for none
     * @param summands  null for none
     * @return whether the value is made by a layer with weights that has so many outputs
     */
    boolean fold(Value value, float[] factors, float[] summands) {
        Node node = nodes.get(value.node());
        int outputs = node != null && node.layer() instanceof Layer.Weighted weighted ? weighted.outputs() : -1;
        if (factors != null && factors.length != outputs || summands != null && summands.length != outputs) {
            return false;
        }
        float[] weight = parameters.get(value.node() + ".weight");
        float[] bias = parameters.computeIfAbsent(value.node() + ".bias", any -> new float[outputs]);
        int each = weight.length / outputs;
        for (int i = 0; factors != null && i < weight.length; i++) {
            weight[i] *= factors[i / each];
        }
        for (int i = 0; i < outputs; i++) {
            bias[i] = (float) ((factors == null ? 1.0 : factors[i]) * bias[i] + (summands == null ? 0.0 : summands[i]));
        }
        nodes.put(value.node(), new Node(biased((Layer.Weighted) node.layer()), node.inputs()));
        return true;
    }

    private static Layer biased(Layer.Weighted layer) {
        return switch (layer) {
            case Layer.Convolution l -> new Layer.Convolution(l.name(), l.filters(), l.kernel(), l.stride(), l.padding(), l.groups(),
                    l.rounding(), true, l.initialization(), l.maximumRms());
            case Layer.FullyConnected l -> new Layer.FullyConnected(l.name(), l.outputs(), true, l.initialization());
        };
    }

    private void weights(Layer.Weighted layer, Shape before, float[] weight, float[] bias) {
        int outputs = layer.outputs();
        long elements = layer.weights(before);
        if (weight.length != elements || bias != null && bias.length != outputs) {
            throw new ModelFileException(String.format(Locale.ROOT,
                    "%s: %s: weights of %d numbers and %s biases do not fit an input of %s and %d outputs: that would be %d and %d",
                    file, layer.name(), weight.length, bias == null ? "no" : bias.length, before, outputs, elements, outputs));
        }
        parameters.put(layer.name() + ".weight", weight);
        if (bias != null) {
            parameters.put(layer.name() + ".bias", bias);
        }
    }

    /** Where the network's own checks will say what is wrong, an output has no pixels. */
    private static Shape slid(Shape in, Window window, Rounding rounding, int channels) {
        return new Shape(channels, Math.toIntExact(window.outputs(in.height(), rounding)),
                Math.toIntExact(window.outputs(in.width(), rounding)));
    }

    Value nonlinearity(Value in, Activation function) {
        return add(new Layer.Nonlinearity(unique(function.name().toLowerCase(Locale.ROOT), in), function), in);
    }

    /** @param alpha not divided by the size */
    Value norm(Value in, int size, double alpha, double beta, double k, int groups) {
        return add(new Layer.LocalResponseNorm(unique("norm", in), size, alpha, beta, k, groups), in);
    }

    Value pool(Value in, Layer.Pooling.Kind kind, Window window, Rounding rounding) {
        // Elsewhere a window that rounding up would put outside of the image is dropped, which leaves as many as rounding down.
        Rounding sound = beyond(window, in.shape().height(), rounding) && beyond(window, in.shape().width(), rounding) ? Rounding.FLOOR
                : rounding;
        Layer.Pooling layer = new Layer.Pooling(unique("pool", in), kind, window.size(), window.stride(), window.padding(), sound);
        return add(layer, slid(in.shape(), window, sound, in.shape().channels()), in.number(), in);
    }

    private static boolean beyond(Window window, int length, Rounding rounding) {
        return (window.outputs(length, rounding) - 1) * window.stride() >= (long) length + window.padding();
    }

    Value dropout(Value in, double rate, boolean inverted) {
        return add(new Layer.Dropout(unique("dropout", in), rate, inverted), in);
    }

    /** Their channels in order. */
    Value concatenation(List<Value> inputs) {
        long channels = inputs.stream().mapToLong(value -> value.shape().channels()).sum();
        Shape first = inputs.getFirst().shape();
        joins++;
        return joined(new Layer.Concatenation(unique("join" + joins)),
                new Shape(Math.toIntExact(channels), first.height(), first.width()), inputs);
    }

    Value addition(List<Value> inputs) {
        additions++;
        return joined(new Layer.Addition(unique("add" + additions)), inputs.getFirst().shape(), inputs);
    }

    private Value joined(Layer layer, Shape shape, List<Value> inputs) {
        return add(layer, shape, inputs.stream().mapToInt(Value::number).max().orElse(0), inputs.toArray(Value[]::new));
    }

    /**
     * A loss; the last one is the network's own.
     *
     * @param weight what it counts where losses are added up; 0 where the file has none, so that it can only be the network's own
     */
    void loss(Value scores, double weight) {
        Layer.SoftmaxCrossEntropy layer = new Layer.SoftmaxCrossEntropy(unique("loss"), weight);
        nodes.values().removeIf(node -> node.layer() instanceof Layer.SoftmaxCrossEntropy before && before.weight() == 0
                && node.inputs().equals(List.of(scores.node())));
        add(layer, scores);
    }

    boolean hasLoss() {
        return nodes.values().stream().anyMatch(node -> node.layer() instanceof Layer.SoftmaxCrossEntropy);
    }

    private String unique(String kind, Value in) {
        return unique(kind + Math.max(in.number(), 1));
    }

    private String unique(String usual) {
        String plain = called == null ? usual : plain(called);
        called = null;
        String unique = plain;
        for (int i = 2; nodes.containsKey(unique) || unique.equals(Network.IMAGE); i++) {
            unique = plain + "-" + i;
        }
        return unique;
    }

    /** A name of another program in the characters that Duet's have. */
    static String plain(String name) {
        String plain = name.toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9_-]+", "-");
        return plain.isEmpty() ? "imported" : plain;
    }

    ImportedModel end(double inputScale, MeanLevels mean, float[] deviation, List<String> notes) {
        List<String> all = new ArrayList<>(notes);
        List<Node> kept = kept(all);
        try {
            Network network = new Network(plain(name), input, inputScale, kept);
            Map<String, float[]> used = new LinkedHashMap<>();
            network.parameters().forEach(parameter -> used.put(parameter.name(), parameters.get(parameter.name())));
            return new ImportedModel(network, null, used, mean, deviation, null, all);
        } catch (NetworkException e) {
            throw new ModelFileException(file + ": " + e.getMessage(), e);
        }
    }

    /** What a loss depends on, the network's own loss last. */
    private List<Node> kept(List<String> notes) {
        List<Node> losses = nodes.values().stream().filter(node -> weight(node) >= 0).toList();
        Node main = losses.stream().filter(node -> weight(node) > 0).reduce((first, second) -> second).orElse(losses.getLast());
        double unit = weight(main) > 0 ? weight(main) : 1;
        if (unit != 1) {
            notes.add(main.name() + " counts " + unit + " in the file; here it counts 1, and other losses in proportion");
        }
        Set<String> needed = new HashSet<>();
        List<Node> kept = new ArrayList<>();
        List<String> left = new ArrayList<>();
        for (Node node : List.copyOf(nodes.values()).reversed()) {
            boolean own = node.name().equals(main.name());
            if (!own && weight(node) <= 0 && !needed.contains(node.name())) {
                left.addFirst(node.name());
                continue;
            }
            needed.addAll(node.inputs());
            if (!own) {
                kept.addFirst(weight(node) < 0 ? node
                        : new Node(new Layer.SoftmaxCrossEntropy(node.name(), weight(node) / unit), node.inputs()));
            }
        }
        kept.add(new Node(new Layer.SoftmaxCrossEntropy(main.name()), main.inputs()));
        if (!left.isEmpty()) {
            notes.add("left out, since no loss depends on it: " + shortened(left, Function.identity()));
        }
        return kept;
    }

    /** Of a loss; -1 for other layers. */
    private static double weight(Node node) {
        return node.layer() instanceof Layer.SoftmaxCrossEntropy loss ? loss.weight() : -1;
    }

    /** The first few of a list. */
    static <T> String shortened(List<T> all, Function<T, String> words) {
        return String.join(", ", all.stream().limit(MOST_NAMED).map(words).toList())
                + (all.size() > MOST_NAMED ? " and " + (all.size() - MOST_NAMED) + " more" : "");
    }
}
