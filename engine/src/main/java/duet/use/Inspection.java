package duet.use;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.device.Backend;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.ParameterShape;
import duet.plan.Placement;
import duet.plan.Requests;
import duet.train.LoadedPlan;
import duet.train.output.Checkpoint;
import duet.use.Deconvolution.Unit;

/**
 * A trained network that is asked about single images: what some of its layers make of one, and what of the image excites a unit. Only what
 * these layers depend on is loaded: of AlexNet up to conv5 9 MiB of 233 MiB of weights. The backend stays its owner's. One thread at a
 * time.
 */
public final class Inspection implements AutoCloseable {
    /** The fewest that a network may have. */
    private static final int CLASSES = 2;

    private final Activations activations;
    private final List<String> layers;
    private final String projected;

    private Inspection(Activations activations, List<String> layers, String projected) {
        this.activations = activations;
        this.layers = layers;
        this.projected = projected;
    }

    /**
     * Loads a trained network as far as it is needed.
     *
     * @param checkpoint the trained network
     * @param layers     by name, those that are looked at
     * @param projected  the layer whose units are projected back, which is looked at, too; null: none. On one device only
     * @param placement  on how many devices, and how
     * @param backend    the devices; stays open
     * @return the network; close it
     * @throws duet.net.NetworkException if the network has no such layer
     */
    public static Inspection create(Checkpoint checkpoint, List<String> layers, String projected, Placement placement, Backend backend) {
        List<String> all = Stream.concat(layers.stream(), Stream.ofNullable(projected)).distinct().toList();
        return new Inspection(Activations.create(upTo(checkpoint, all), new Requests(all, projected), placement, backend, 1), all,
                projected);
    }

    /** The network up to the last of these layers; all of it where they do not depend on each other. */
    static Checkpoint upTo(Checkpoint checkpoint, List<String> layers) {
        Network network = checkpoint.network();
        List<String> names = network.nodes().stream().map(Node::name).toList();
        layers.forEach(network::layer); // says which are there if one is not
        int last = layers.stream().mapToInt(names::indexOf).max().orElseThrow();
        Set<Integer> needed = new HashSet<>(Set.of(last));
        for (int i = last; i >= 0; i--) {
            if (needed.contains(i)) {
                needed.addAll(network.inputs(i));
            }
        }
        String scores = network.scores().name();
        if (!needed.containsAll(layers.stream().map(names::indexOf).toList()) || needed.contains(names.indexOf(scores))) {
            return checkpoint;
        }
        List<Node> nodes = new ArrayList<>(IntStream.rangeClosed(0, last).filter(needed::contains).mapToObj(network.nodes()::get).toList());
        // a network ends in classes; what these are plays no part
        nodes.add(new Node(new Layer.FullyConnected(scores, CLASSES, false, Initialization.PAPER), List.of(names.get(last))));
        nodes.add(new Node(new Layer.SoftmaxCrossEntropy(names.getLast()), List.of(scores)));
        Network part = new Network(network.name(), network.input(), network.inputScale(), nodes);
        Map<String, float[]> tensors = new HashMap<>();
        for (ParameterShape shape : part.parameters()) {
            tensors.put(shape.name(), shape.name().equals(scores + ".weight") ? new float[shape.elements()]
                    : checkpoint.tensors().get(shape.name()));
        }
        tensors.put(Checkpoint.MEAN, checkpoint.tensors().get(Checkpoint.MEAN));
        return new Checkpoint(part, List.of("", ""), checkpoint.stored(), tensors, checkpoint.state());
    }

    /**
     * {@return what each of the layers makes of the centre of a stored image, [channels][height][width], by its name}
     *
     * @param pixels a stored image, [height][width][channels]
     */
    public Map<String, float[]> of(byte[] pixels) {
        Map<String, float[]> values = new HashMap<>();
        LoadedPlan results = activations.run(pixels);
        Network network = activations.checkpoint().network();
        layers.forEach(layer -> values.put(layer, Arrays.copyOf(results.layer(layer), Math.toIntExact(network.shape(layer).elements()))));
        return values;
    }

    /**
     * {@return what of an image excites a unit, as {@link Deconvolution#project} does it: [channels][height][width] of the network's input}
     *
     * @param pixels a stored image, [height][width][channels]
     * @param unit   of the layer that is projected; its index plays no part
     */
    public float[] project(byte[] pixels, Unit unit) {
        if (projected == null) {
            throw new IllegalStateException("no layer to project back was named");
        }
        activations.session().setFeatures(Deconvolution.features(activations.checkpoint().network().shape(projected), List.of(unit), 1));
        return activations.run(pixels).projection().clone();
    }

    @Override
    public void close() {
        activations.close();
    }
}
