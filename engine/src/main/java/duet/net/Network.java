package duet.net;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

import duet.text.Suggestion;

/**
 * What to compute: layers from an image to class probabilities. Each takes what the image or layers before it make, so that they form a
 * graph without cycles; most networks are a {@link #chain}. Always valid: the constructor checks names, values and shapes and throws
 * {@link NetworkException} with a sentence that names the layer and the numbers.
 *
 * @param name       for messages and lists
 * @param input      the image that the first layer sees
 * @param inputScale pixels (0 to 255, less the mean image) are multiplied by this
 * @param nodes      the layers, each behind those that it takes its inputs from. The last one is the {@link Layer.SoftmaxCrossEntropy}
 *                   that the network is used with; others are auxiliary and count in training only
 */
public record Network(String name, Shape input, double inputScale, List<Node> nodes) {
    /** What a node calls the image among its inputs. */
    public static final String IMAGE = "input";

    /** Throws a {@link NetworkException} if the layers do not fit together. */
    public Network {
        nodes = List.copyOf(nodes);
        Shapes.check(name, input, nodes);
        Shapes.checkInputScale(inputScale);
    }

    /**
     * {@return a network in which each layer takes what the one before makes, the first one the image}
     *
     * @param name       for messages and lists
     * @param input      the image that the first layer sees
     * @param inputScale pixels are multiplied by this
     * @param layers     the last one is a {@link Layer.SoftmaxCrossEntropy}
     * @throws NetworkException if the layers do not fit together
     */
    public static Network chain(String name, Shape input, double inputScale, List<Layer> layers) {
        Shapes.checkNames(layers);
        List<Node> nodes = new ArrayList<>();
        for (Layer layer : layers) {
            nodes.add(new Node(layer, List.of(nodes.isEmpty() ? IMAGE : nodes.getLast().name())));
        }
        return new Network(name, input, inputScale, nodes);
    }

    /** {@return the layers, in the order of the nodes} */
    public List<Layer> layers() {
        return nodes.stream().map(Node::layer).toList();
    }

    /** {@return whether each layer takes what the one before makes} */
    public boolean isChain() {
        for (int i = 0; i < nodes.size(); i++) {
            if (!inputs(i).equals(List.of(i - 1))) {
                return false;
            }
        }
        return true;
    }

    /** {@return for each node what it makes of one image, in order} */
    public List<Shape> shapes() {
        return Shapes.infer(input, nodes);
    }

    /**
     * {@return where a node's inputs come from: indices of nodes, -1 for the image}
     *
     * @param node its index
     */
    public List<Integer> inputs(int node) {
        return nodes.get(node).inputs().stream().map(this::index).toList();
    }

    /** -1 for the image. */
    private int index(String node) {
        for (int i = 0; i < nodes.size(); i++) {
            if (nodes.get(i).name().equals(node)) {
                return i;
            }
        }
        return -1;
    }

    /**
     * {@return the shapes of what a node sees of one image}
     *
     * @param node its index
     */
    public List<Shape> inputShapes(int node) {
        List<Shape> shapes = shapes();
        return inputs(node).stream().map(from -> from < 0 ? input : shapes.get(from)).toList();
    }

    /** {@return the parameters of all layers, weight before bias: the order of checkpoints and of a plan} */
    public List<ParameterShape> parameters() {
        List<ParameterShape> parameters = new ArrayList<>();
        List<Shape> shapes = shapes();
        for (Node node : nodes) {
            if (node.layer() instanceof Layer.Weighted layer) {
                int from = index(node.inputs().getFirst());
                parameters.addAll(layer.parameters(from < 0 ? input : shapes.get(from)));
            }
        }
        return List.copyOf(parameters);
    }

    /**
     * {@return a layer by its name}
     *
     * @param layerName such as {@code conv1}
     * @throws NetworkException with the nearest name if there is none
     */
    public Layer layer(String layerName) {
        int index = index(layerName);
        if (index < 0) {
            throw new NetworkException(
                    name + " has no layer " + layerName + "; " + Suggestion.of(layerName, nodes.stream().map(Node::name).toList()));
        }
        return nodes.get(index).layer();
    }

    /**
     * {@return what a layer makes of one image}
     *
     * @param layerName such as {@code conv1}
     */
    public Shape shape(String layerName) {
        layer(layerName); // says which are there if this one is not
        return shapes().get(index(layerName));
    }

    /** {@return the number of classes: what the last layer sees} */
    public int classes() {
        return shapes().getLast().channels();
    }

    /** {@return the layer that makes the scores of the classes, which the last layer takes} */
    public Layer.FullyConnected scores() {
        return (Layer.FullyConnected) layer(nodes.getLast().inputs().getFirst());
    }

    /** {@return the names of the layers that make scores: those of auxiliary classifiers, and last the network's own} */
    public List<String> allScores() {
        return losses().stream().map(loss -> loss.inputs().getFirst()).toList();
    }

    /** {@return the nodes that make a loss, in order: auxiliary ones first, the network's own last} */
    public List<Node> losses() {
        return nodes.stream().filter(node -> node.layer() instanceof Layer.SoftmaxCrossEntropy).toList();
    }

    /**
     * {@return for each node whether the last layer's loss depends on it; what belongs to auxiliary losses alone is for training}
     */
    public List<Boolean> main() {
        Boolean[] main = new Boolean[nodes.size()];
        Arrays.fill(main, false);
        main[nodes.size() - 1] = true;
        for (int i = nodes.size() - 1; i >= 0; i--) {
            if (main[i]) {
                inputs(i).stream().filter(from -> from >= 0).forEach(from -> main[from] = true);
            }
        }
        return List.of(main);
    }

    /** {@return what the network's own loss depends on: all of it, or less by the auxiliary classifiers} */
    public Network withoutAuxiliary() {
        List<Boolean> main = main();
        return new Network(name, input, inputScale, IntStream.range(0, nodes.size()).filter(main::get).mapToObj(nodes::get).toList());
    }

    /**
     * {@return the same connections with other layers, which may have other names}
     *
     * @param change gives the layer that takes another's place
     * @throws NetworkException if the layers do not fit together
     */
    public Network with(UnaryOperator<Layer> change) {
        Map<String, String> names = new HashMap<>(Map.of(IMAGE, IMAGE));
        List<Node> changed = new ArrayList<>();
        for (Node node : nodes) {
            Layer layer = change.apply(node.layer());
            changed.add(new Node(layer, node.inputs().stream().map(names::get).toList()));
            names.put(node.name(), layer.name());
        }
        return new Network(name, input, inputScale, changed);
    }

    /**
     * {@return the same connections with other layers}
     *
     * @param layers one for each node
     * @throws NetworkException if the layers do not fit together
     */
    public Network with(List<Layer> layers) {
        return with(layer -> layers.get(index(layer.name())));
    }

    /**
     * {@return the network without some layers of one input; who took what such a layer made takes what it took}
     *
     * @param leftOut whether a layer is left out
     * @throws NetworkException if the layers do not fit together then
     */
    public Network without(Predicate<Layer> leftOut) {
        Map<String, String> names = new HashMap<>(Map.of(IMAGE, IMAGE));
        List<Node> kept = new ArrayList<>();
        for (Node node : nodes) {
            List<String> inputs = node.inputs().stream().map(names::get).toList();
            if (leftOut.test(node.layer())) {
                names.put(node.name(), inputs.getFirst());
            } else {
                names.put(node.name(), node.name());
                kept.add(new Node(node.layer(), inputs));
            }
        }
        return new Network(name, input, inputScale, kept);
    }

    /**
     * {@return the same network under another name}
     *
     * @param other its name
     */
    public Network named(String other) {
        return new Network(other, input, inputScale, nodes);
    }
}
