package duet.model;

import java.util.ArrayList;
import java.util.List;

import duet.device.Operation.Activation;
import duet.net.Initialization;
import duet.net.Initialization.Distribution;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Rounding;
import duet.net.Shape;

/** The named networks. */
public final class Networks {
    private Networks() {}

    public static List<String> names() {
        return List.of("alexnet", "alexnet-small");
    }

    /**
     * @param name     {@code alexnet} or {@code alexnet-small}
     * @param channels of the images: 3 for colour, 1 for grey
     * @param classes  outputs of the last fully connected layer
     */
    public static Network create(String name, int channels, int classes) {
        return switch (name) {
            case "alexnet" -> alexnet(channels, classes);
            case "alexnet-small" -> alexnetSmall(channels, classes);
            default -> throw unknown(name);
        };
    }

    /** In one line, for lists. */
    public static String description(String name) {
        return switch (name) {
            case "alexnet" -> "the paper's AlexNet: 227-pixel images, 8 layers, 61 M parameters for 3 channels and 1000 classes";
            case "alexnet-small" -> "the same anatomy for 28-pixel images: 8 layers, 1.11 M parameters for 1 channel and 10 classes";
            default -> throw unknown(name);
        };
    }

    private static NetworkException unknown(String name) {
        return new NetworkException("there is no network called " + name + "; there are " + String.join(", ", names()));
    }

    /** Krizhevsky, Sutskever, Hinton 2012: figure 2, sections 3 to 5. */
    private static Network alexnet(int channels, int classes) {
        Initialization plain = Initialization.PAPER;
        Initialization raised = new Initialization(Distribution.NORMAL, 0.01, 1);
        Chain chain = new Chain();
        chain.convolution(96, 11, 4, 0, 1, plain).norm(2).pool(Rounding.FLOOR);
        chain.convolution(256, 5, 1, 2, 2, raised).norm(2).pool(Rounding.FLOOR);
        chain.convolution(384, 3, 1, 1, 1, plain);
        chain.convolution(384, 3, 1, 1, 2, raised);
        chain.convolution(256, 3, 1, 1, 2, raised).pool(Rounding.FLOOR);
        chain.fullyConnected(4096, raised).dropout(0.5);
        chain.fullyConnected(4096, raised).dropout(0.5);
        return new Network("alexnet", new Shape(channels, 227, 227), 1, chain.end(classes, plain));
    }

    /**
     * The anatomy of AlexNet (two halves that meet before layer 3 and in the fully connected layers, response normalisation,
     * overlapping pooling, dropout) at a size that trains in minutes. Weights start by He's rule and pixels are scaled to about
     * [-2, 2], because with the paper's tiny weights so narrow a network sits at ln(classes) for long; with k = 1 (the paper: 2)
     * normalisation does not shrink what He's rule has just scaled.
     */
    private static Network alexnetSmall(int channels, int classes) {
        Initialization he = new Initialization(Distribution.HE, 0, 0);
        Initialization scores = new Initialization(Distribution.NORMAL, 0.01, 0);
        double inputScale = 1.0 / 64;
        double dropout = 0.3;
        Chain chain = new Chain();
        chain.convolution(32, 5, 1, 2, 1, he).norm(1).pool(Rounding.FLOOR);
        chain.convolution(64, 5, 1, 2, 2, he).norm(1).pool(Rounding.FLOOR);
        chain.convolution(128, 3, 1, 1, 1, he);
        chain.convolution(128, 3, 1, 1, 2, he);
        chain.convolution(128, 3, 1, 1, 2, he).pool(Rounding.CEIL);
        chain.fullyConnected(512, he).dropout(dropout);
        chain.fullyConnected(512, he).dropout(dropout);
        return new Network("alexnet-small", new Shape(channels, 28, 28), inputScale, chain.end(classes, scores));
    }

    /** Layers with the usual names: the n-th layer with weights and what belongs to it. */
    private static final class Chain {
        private final List<Layer> layers = new ArrayList<>();
        private int number;

        Chain convolution(int filters, int kernel, int stride, int padding, int groups, Initialization init) {
            number++;
            layers.add(new Layer.Convolution("conv" + number, filters, kernel, stride, padding, groups, Rounding.FLOOR, true, init));
            return relu();
        }

        Chain fullyConnected(int outputs, Initialization init) {
            number++;
            layers.add(new Layer.FullyConnected("fc" + number, outputs, true, init));
            return relu();
        }

        private Chain relu() {
            layers.add(new Layer.Nonlinearity("relu" + number, Activation.RELU));
            return this;
        }

        Chain norm(double k) {
            layers.add(new Layer.LocalResponseNorm("norm" + number, 5, 1e-4, 0.75, k, 2));
            return this;
        }

        Chain pool(Rounding rounding) {
            layers.add(new Layer.Pooling("pool" + number, Layer.Pooling.Kind.MAX, 3, 2, 0, rounding));
            return this;
        }

        Chain dropout(double rate) {
            layers.add(new Layer.Dropout("dropout" + number, rate, false));
            return this;
        }

        List<Layer> end(int classes, Initialization init) {
            layers.add(new Layer.FullyConnected("fc" + (number + 1), classes, true, init));
            layers.add(new Layer.SoftmaxCrossEntropy("loss"));
            return layers;
        }
    }
}
