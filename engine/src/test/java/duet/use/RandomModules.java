package duet.use;

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

/** Modules one upon the other, each of two to four branches that are joined or added, as in GoogLeNet and residual networks. */
final class RandomModules {
    static final Shape IMAGE = new Shape(1, 10, 10);

    private final SplittableRandom random;
    private final List<Node> nodes = new ArrayList<>();
    private String last = Network.IMAGE;

    private RandomModules(long seed) {
        random = new SplittableRandom(seed);
    }

    static Network create(long seed) {
        return new RandomModules(seed).create();
    }

    private void add(Layer layer, String... inputs) {
        nodes.add(new Node(layer, inputs.length == 0 ? List.of(last) : List.of(inputs)));
        last = layer.name();
    }

    private String name(String kind) {
        return kind + nodes.size();
    }

    private void convolution(int filters, int kernel) {
        add(new Layer.Convolution(name("conv"), filters, kernel, 1, kernel / 2, 1, Rounding.FLOOR, true, Initialization.PAPER));
        if (random.nextBoolean()) {
            add(new Layer.Nonlinearity(name("relu"), Activation.RELU));
        }
    }

    private void pool(Layer.Pooling.Kind kind, int window, int stride, int padding) {
        add(new Layer.Pooling(name("pool"), kind, window, stride, padding, Rounding.FLOOR));
    }

    private void branch(int filters) {
        switch (random.nextInt(4)) {
            case 0 -> convolution(filters, 1 + 2 * random.nextInt(3));
            case 1 -> {
                convolution(2, 1);
                convolution(filters, 3);
            }
            case 2 -> {
                pool(Layer.Pooling.Kind.MAX, 3, 1, 1);
                convolution(filters, 1);
            }
            default -> {
                pool(Layer.Pooling.Kind.AVERAGE, 3, 1, 1);
                convolution(filters, 1);
            }
        }
    }

    /** @param channels of what it takes */
    private int module(int channels) {
        String start = last;
        boolean adds = random.nextInt(3) == 0;
        List<String> ends = new ArrayList<>();
        int made = 0;
        for (int count = random.nextInt(2, 5); count > 0; count--) {
            last = start;
            int filters = adds ? channels : random.nextInt(2, 5);
            branch(filters);
            made += filters;
            ends.add(last);
        }
        if (random.nextInt(3) == 0) {
            ends.add(start);
            made += channels;
        }
        add(adds ? new Layer.Addition(name("add")) : new Layer.Concatenation(name("join")), ends.toArray(String[]::new));
        return adds ? channels : made;
    }

    private Network create() {
        convolution(3, 3);
        int channels = module(3);
        if (random.nextBoolean()) {
            pool(Layer.Pooling.Kind.MAX, 2, 2, 0);
        }
        module(channels);
        add(new Layer.FullyConnected("scores", 4, true, Initialization.PAPER));
        add(new Layer.SoftmaxCrossEntropy("loss"));
        return new Network("modules", IMAGE, 1 / 64.0, nodes);
    }
}
