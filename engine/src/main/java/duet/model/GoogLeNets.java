package duet.model;

import java.util.List;

import duet.net.Initialization;
import duet.net.Initialization.Distribution;
import duet.net.Network;
import duet.net.Shape;

/** GoogLeNet and its small sister: networks of Inception modules. */
final class GoogLeNets {
    private static final double AUXILIARY_WEIGHT = 0.3;

    private GoogLeNets() {}

    /**
     * Szegedy et al. 2014 (arXiv 1409.4842), table 1 and section 5, with the numbers that the paper leaves out as in Caffe's bvlc_googlenet
     * (models/bvlc_googlenet/train_val.prototxt): normalisation with alpha / n and k = 1, biases 0.2 but in the scores, inverted dropout,
     * pooling that rounds up. Weights start by Glorot's rule, N(0, 2 / (inputs + outputs)); Caffe's "xavier" draws them evenly, with the
     * variance 1 / inputs, which is the same where a layer has as many outputs as inputs.
     */
    static Network paper(int channels, int classes) {
        double alpha = 1e-4 / 5;
        GraphBuilder graph = new GraphBuilder(Network.IMAGE, new Initialization(Distribution.XAVIER, 0, 0.2),
                new Initialization(Distribution.XAVIER, 0, 0));
        graph.convolution("conv1", 64, 7, 2).maxPool("pool1", 3, 2, 0).norm("norm1", 5, alpha);
        graph.convolution("conv2-reduce", 64, 1, 1).convolution("conv2", 192, 3, 1).norm("norm2", 5, alpha).maxPool("pool2", 3, 2, 0);
        inception(graph, "3a", 64, 96, 128, 16, 32, 32);
        inception(graph, "3b", 128, 128, 192, 32, 96, 64);
        graph.maxPool("pool3", 3, 2, 0);
        inception(graph, "4a", 192, 96, 208, 16, 48, 64);
        auxiliary(graph, "aux1", 128, 1024, 0.7, classes);
        inception(graph, "4b", 160, 112, 224, 24, 64, 64);
        inception(graph, "4c", 128, 128, 256, 24, 64, 64);
        inception(graph, "4d", 112, 144, 288, 32, 64, 64);
        auxiliary(graph, "aux2", 128, 1024, 0.7, classes);
        inception(graph, "4e", 256, 160, 320, 32, 128, 128);
        graph.maxPool("pool4", 3, 2, 0);
        inception(graph, "5a", 256, 160, 320, 32, 128, 128);
        inception(graph, "5b", 384, 192, 384, 48, 128, 128);
        graph.averagePool("pool5", 7, 1).dropout("dropout", 0.4);
        graph.loss("scores", classes, "loss", 1);
        return new Network("googlenet", new Shape(channels, 224, 224), 1, graph.nodes());
    }

    /**
     * The anatomy of GoogLeNet at a size that trains in minutes: a stem of two convolutions, four modules in two stages, an auxiliary
     * classifier behind the first stage. Three things differ. The last pooling takes the means of the quarters of a map instead of the
     * whole: where things lie says much in such small images (after a third of an epoch of Fashion-MNIST 79.6 % were right instead of
     * 75.5 %). There is no normalisation, which would keep the network from being cut in two towers. Weights start by He's rule, those of
     * the scores small, and pixels are scaled to about [-2, 2], as in alexnet-small. Images of one channel are taken to be Fashion-MNIST's,
     * 28 pixels wide instead of 32. With one convolution of 5x5 for a stem 91.9 % of Fashion-MNIST are right in the end instead of 92.2 %,
     * also with twice the filters in the second stage.
     */
    static Network small(int channels, int classes) {
        int side = channels == 1 ? 28 : 32;
        double inputScale = 1.0 / 64;
        GraphBuilder graph = new GraphBuilder(Network.IMAGE, new Initialization(Distribution.HE, 0, 0), Initialization.PAPER);
        graph.convolution("conv1", 32, 3, 1).convolution("conv2", 32, 3, 1).maxPool("pool1", 3, 2, 0);
        inception(graph, "2a", 16, 16, 32, 8, 8, 8);
        inception(graph, "2b", 32, 32, 48, 8, 16, 16);
        auxiliary(graph, "aux1", 32, 128, 0.3, classes);
        graph.maxPool("pool2", 3, 2, 0);
        inception(graph, "3a", 48, 48, 96, 12, 24, 24);
        inception(graph, "3b", 64, 64, 128, 16, 32, 32);
        graph.averagePool("pool3", 4, side / 8).dropout("dropout", 0.3);
        graph.loss("scores", classes, "loss", 1);
        return new Network("googlenet-small", new Shape(channels, side, side), inputScale, graph.nodes());
    }

    /**
     * Figure 2 (b) of the paper: four branches, joined in this order.
     *
     * @param one         1x1 filters
     * @param threeReduce 1x1 filters before the 3x3 ones
     * @param three       3x3 filters
     * @param fiveReduce  1x1 filters before the 5x5 ones
     * @param five        5x5 filters
     * @param projection  1x1 filters behind the pooling
     */
    private static void inception(GraphBuilder graph, String module, int one, int threeReduce, int three, int fiveReduce, int five,
            int projection) {
        String input = graph.last();
        String name = "inception-" + module;
        graph.join(name, List.of(
                graph.from(input).convolution(name + "-1x1", one, 1, 1).last(),
                graph.from(input).convolution(name + "-3x3-reduce", threeReduce, 1, 1).convolution(name + "-3x3", three, 3, 1).last(),
                graph.from(input).convolution(name + "-5x5-reduce", fiveReduce, 1, 1).convolution(name + "-5x5", five, 5, 1).last(),
                graph.from(input).maxPool(name + "-pool", 3, 1, 1).convolution(name + "-pool-proj", projection, 1, 1).last()));
    }

    /**
     * A classifier beside the way, for training alone (section 5).
     *
     * @param filters of its 1x1 convolution
     * @param hidden  outputs of its first fully connected layer
     * @param dropout share of those that is dropped
     */
    private static void auxiliary(GraphBuilder graph, String name, int filters, int hidden, double dropout, int classes) {
        String input = graph.last();
        graph.averagePool(name + "-pool", 5, 3).convolution(name + "-conv", filters, 1, 1).fullyConnected(name + "-fc", hidden);
        graph.dropout(name + "-dropout", dropout).loss(name + "-scores", classes, name + "-loss", AUXILIARY_WEIGHT).from(input);
    }
}
