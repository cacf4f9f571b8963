package duet.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Rounding;
import duet.net.Shape;

/**
 * Small networks of every kind of layer in many orders, all of which two towers can share: chains, and graphs in which branches part and
 * meet again, with auxiliary classifiers.
 */
final class RandomNetworks {
    /** -Dduet.seed, or always the same one. */
    static final long SEED = Long.getLong("duet.seed", 2012);

    private final SplittableRandom random;
    private final List<Node> nodes = new ArrayList<>();
    private final boolean graph;
    /** What the next layer takes. */
    private String last = Network.IMAGE;
    private final Shape input;
    private final int classes;
    private Shape shape;
    /** Channels lie in halves on the two devices. */
    private boolean split;

    private RandomNetworks(long seed) {
        random = new SplittableRandom(seed);
        graph = seed % 2 == 1;
        input = new Shape(between(1, 4), between(6, 10), between(6, 10));
        classes = between(2, 5);
        shape = input;
    }

    static Network create(long seed) {
        return new RandomNetworks(seed).create();
    }

    private int between(int least, int most) {
        return random.nextInt(least, most + 1);
    }

    private boolean chance(double probability) {
        return random.nextDouble() < probability;
    }

    private Network create() {
        if (chance(0.3)) {
            followers(between(1, 2));
        }
        for (int count = between(0, 3); count > 0; count--) {
            convolution();
            followers(between(0, 4));
            if (graph) {
                branches();
            }
        }
        for (int count = between(0, 2); count > 0; count--) {
            add(new Layer.FullyConnected(name("fc"), 2 * between(1, 5), chance(0.8), Initialization.PAPER));
            split = true;
            followers(between(0, 3));
        }
        scores("scores", new Layer.SoftmaxCrossEntropy("loss"));
        return new Network("random", input, chance(0.5) ? 1 : 1.0 / 64, nodes);
    }

    private void scores(String name, Layer.SoftmaxCrossEntropy loss) {
        add(new Layer.FullyConnected(name, classes, chance(0.8), Initialization.PAPER));
        nodes.add(new Node(loss, List.of(last)));
    }

    private String name(String kind) {
        return kind + nodes.size();
    }

    private void add(Layer layer) {
        add(layer, List.of(last));
    }

    /** Adds it, and asks a network of all nodes, of which the last ones are joined, for its shape. */
    private void add(Layer layer, List<String> inputs) {
        nodes.add(new Node(layer, inputs));
        last = layer.name();
        List<Node> all = new ArrayList<>(nodes);
        for (Node node : nodes) {
            if (!(node.layer() instanceof Layer.SoftmaxCrossEntropy)
                    && nodes.stream().noneMatch(user -> user.inputs().contains(node.name()))) {
                all.add(new Node(new Layer.FullyConnected("probe-" + node.name(), classes, true, Initialization.PAPER),
                        List.of(node.name())));
                all.add(new Node(new Layer.SoftmaxCrossEntropy("loss-" + node.name()), List.of("probe-" + node.name())));
            }
        }
        shape = new Network("probe", input, 1, all).shapes().get(nodes.size() - 1);
    }

    /** Branches from what there is, which are joined or added; and now and then an auxiliary classifier. */
    private void branches() {
        String start = last;
        Shape from = shape;
        boolean adds = chance(0.4);
        int channels = 4 * between(1, 2);
        List<String> ends = new ArrayList<>();
        for (int count = between(2, 3); count > 0; count--) {
            last = start;
            shape = from;
            if (chance(0.3)) {
                add(new Layer.Nonlinearity(name("act"), chance(0.5) ? Activation.RELU : Activation.TANH));
            }
            int kernel = 1 + 2 * between(0, 1);
            add(new Layer.Convolution(name("branch"), adds ? channels : 4 * between(1, 2), kernel, 1, kernel / 2, 1, Rounding.FLOOR, true,
                    Initialization.PAPER));
            if (chance(0.5)) {
                add(new Layer.Nonlinearity(name("act"), chance(0.5) ? Activation.RELU : Activation.TANH));
            }
            ends.add(last);
        }
        if (!adds && chance(0.3)) {
            ends.add(start);
        }
        if (chance(0.2)) {
            ends.add(ends.getFirst());
        }
        add(adds ? new Layer.Addition(name("add")) : new Layer.Concatenation(name("join")), ends);
        if (chance(0.3)) {
            String trunk = last;
            Shape whole = shape;
            if (chance(0.5)) {
                add(new Layer.Nonlinearity(name("act"), Activation.RELU));
            }
            scores(name("aux"), new Layer.SoftmaxCrossEntropy(name("aux-loss"), 0.3));
            last = trunk;
            shape = whole;
        }
        followers(between(0, 2));
    }

    private void convolution() {
        int kernel = between(1, Math.min(3, Math.min(shape.height(), shape.width())));
        List<Integer> groups = new ArrayList<>(List.of(1));
        for (int candidate : new int[] {2, 4}) {
            if (shape.channels() % candidate == 0) {
                groups.add(candidate);
            }
        }
        int group = groups.get(random.nextInt(groups.size()));
        int padding = between(0, kernel - 1);
        int stride = between(1, 2);
        Rounding rounding = padding == 0 && stride <= kernel && chance(0.5) ? Rounding.CEIL : Rounding.FLOOR;
        add(new Layer.Convolution(name("conv"), 4 * between(1, 3), kernel, stride, padding, group, rounding,
                chance(0.8), Initialization.PAPER, chance(0.3) ? 0.008 : 0));
        split = true;
    }

    private void followers(int count) {
        for (int i = 0; i < count; i++) {
            switch (random.nextInt(6)) {
                case 0, 1 -> add(new Layer.Nonlinearity(name("act"), chance(0.5) ? Activation.RELU : Activation.TANH));
                case 2 -> {
                    int groups = split ? 2 : 1;
                    add(new Layer.LocalResponseNorm(name("norm"), 3, 0.1, 0.75, 1 + random.nextDouble(), groups));
                }
                case 4 -> add(new Layer.SpatialResponseNorm(name("spatial"), 3, 0.1, 0.75, 1 + random.nextDouble()));
                case 3 -> add(new Layer.Dropout(name("drop"), 0.1 + random.nextDouble() / 2, chance(0.5)));
                default -> {
                    if (Math.min(shape.height(), shape.width()) >= 3) {
                        add(new Layer.Pooling(name("pool"), chance(0.5) ? Layer.Pooling.Kind.MAX : Layer.Pooling.Kind.AVERAGE,
                                between(2, 3),
                                between(1, 3), between(0, 1), Rounding.FLOOR));
                    }
                }
            }
        }
    }
}
