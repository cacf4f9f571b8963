package duet.model;

import java.util.List;

import duet.net.Initialization;
import duet.net.Initialization.Distribution;
import duet.net.Network;
import duet.net.Shape;

/** GoogLeNet: a network of Inception modules. */
final class GoogLeNets {
    private static final Initialization SCORES = new Initialization(Distribution.XAVIER, 0, 0);
    private static final double AUXILIARY_WEIGHT = 0.3;

    private GoogLeNets() {}

    /**
     * Szegedy et al. 2014 (arXiv 1409.4842), table 1 and section 5, with the numbers that the paper leaves out as in Caffe's bvlc_googlenet
     * (models/bvlc_googlenet/train_val.prototxt): normalisation with alpha / n and k = 1, biases 0.2 but in the scores, inverted dropout,
     * pooling that rounds up. Weights start by Glorot's rule, N(0, 2 / (inputs + outputs)); Caffe's "xavier" draws them evenly, with the
     * variance 1 / inputs, which is the same where a layer has as many outputs as inputs.
     */
    static Network paper(int channels, int classes) {
        Initialization xavier = new Initialization(Distribution.XAVIER, 0, 0.2);
        double alpha = 1e-4 / 5;
        GraphBuilder graph = new GraphBuilder(Network.IMAGE, xavier);
        graph.convolution("conv1", 64, 7, 2).maxPool("pool1", 3, 2, 0).norm("norm1", 5, alpha);
        graph.convolution("conv2-reduce", 64, 1, 1).convolution("conv2", 192, 3, 1).norm("norm2", 5, alpha).maxPool("pool2", 3, 2, 0);
        inception(graph, "3a", 64, 96, 128, 16, 32, 32);
        inception(graph, "3b", 128, 128, 192, 32, 96, 64);
        graph.maxPool("pool3", 3, 2, 0);
        inception(graph, "4a", 192, 96, 208, 16, 48, 64);
        auxiliary(graph, "aux1", classes);
        inception(graph, "4b", 160, 112, 224, 24, 64, 64);
        inception(graph, "4c", 128, 128, 256, 24, 64, 64);
        inception(graph, "4d", 112, 144, 288, 32, 64, 64);
        auxiliary(graph, "aux2", classes);
        inception(graph, "4e", 256, 160, 320, 32, 128, 128);
        graph.maxPool("pool4", 3, 2, 0);
        inception(graph, "5a", 256, 160, 320, 32, 128, 128);
        inception(graph, "5b", 384, 192, 384, 48, 128, 128);
        graph.averagePool("pool5", 7, 1).dropout("dropout", 0.4);
        graph.loss("scores", classes, SCORES, "loss", 1);
        return new Network("googlenet", new Shape(channels, 224, 224), 1, graph.nodes());
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

    /** A classifier beside the way, for training alone (section 5). */
    private static void auxiliary(GraphBuilder graph, String name, int classes) {
        String input = graph.last();
        graph.averagePool(name + "-pool", 5, 3).convolution(name + "-conv", 128, 1, 1).fullyConnected(name + "-fc", 1024);
        graph.dropout(name + "-dropout", 0.7).loss(name + "-scores", classes, SCORES, name + "-loss", AUXILIARY_WEIGHT).from(input);
    }
}
