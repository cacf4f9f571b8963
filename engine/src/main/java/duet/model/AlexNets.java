package duet.model;

import duet.net.Initialization;
import duet.net.Initialization.Distribution;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;

/** AlexNet as four sources have it, its small sister and ZFNet. */
final class AlexNets {
    private static final Initialization PLAIN = Initialization.PAPER;
    private static final Initialization HE = new Initialization(Distribution.HE, 0, 0);
    private static final double ALPHA = 1e-4;

    private AlexNets() {}

    private static Initialization normal(double deviation, double bias) {
        return new Initialization(Distribution.NORMAL, deviation, bias);
    }

    /** Krizhevsky, Sutskever, Hinton 2012: figure 2, sections 3 to 5. */
    static Network paper(int channels, int classes) {
        Initialization raised = normal(0.01, 1);
        NetworkBuilder chain = new NetworkBuilder(Rounding.FLOOR);
        chain.convolution(96, 11, 4, 0, 1, PLAIN).norm(5, ALPHA, 2, 2).pool();
        chain.convolution(256, 5, 1, 2, 2, raised).norm(5, ALPHA, 2, 2).pool();
        chain.convolution(384, 3, 1, 1, 1, PLAIN);
        chain.convolution(384, 3, 1, 1, 2, raised);
        chain.convolution(256, 3, 1, 1, 2, raised).pool();
        chain.fullyConnected(4096, raised).dropout(0.5, false);
        chain.fullyConnected(4096, raised).dropout(0.5, false);
        return Network.chain("alexnet", new Shape(channels, 227, 227), 1, chain.end(classes, PLAIN));
    }

    /**
     * The anatomy of AlexNet (two halves that meet before layer 3 and in the fully connected layers, response normalisation,
     * overlapping pooling, dropout) at a size that trains in minutes. Weights start by He's rule and pixels are scaled to about
     * [-2, 2], because with the paper's tiny weights so narrow a network sits at ln(classes) for long; with k = 1 (the paper: 2)
     * normalisation does not shrink what He's rule has just scaled.
     */
    static Network small(int channels, int classes) {
        double inputScale = 1.0 / 64;
        double dropout = 0.3;
        NetworkBuilder chain = new NetworkBuilder(Rounding.FLOOR);
        chain.convolution(32, 5, 1, 2, 1, HE).norm(5, ALPHA, 1, 2).pool();
        chain.convolution(64, 5, 1, 2, 2, HE).norm(5, ALPHA, 1, 2).pool();
        chain.convolution(128, 3, 1, 1, 1, HE);
        chain.convolution(128, 3, 1, 1, 2, HE);
        chain.convolution(128, 3, 1, 1, 2, HE).pool(Rounding.CEIL);
        chain.fullyConnected(512, HE).dropout(dropout, false);
        chain.fullyConnected(512, HE).dropout(dropout, false);
        return Network.chain("alexnet-small", new Shape(channels, 28, 28), inputScale, chain.end(classes, PLAIN));
    }

    /**
     * The network that was trained in 2012, net 145 of the released code (layers-145.cfg, layer-params-145.cfg): sizes rounded up, so
     * that 224 pixels do; normalisation with alpha / n, in layer 1 of the linear output, and ReLU there and in layer 5 after pooling;
     * a second normalisation within the maps of layer 2; deviation 0.03 in conv3 to conv5.
     */
    static Network original(int channels, int classes) {
        double alpha = ALPHA / 5;
        Initialization raised = normal(0.01, 1);
        NetworkBuilder chain = new NetworkBuilder(Rounding.CEIL);
        chain.linear(96, 11, 4, 0, 1, PLAIN).norm(5, alpha, 2, 2).pool().relu();
        chain.convolution(256, 5, 1, 2, 2, raised).norm(5, alpha, 2, 2).spatialNorm(5, 0.001 / 25).pool();
        chain.convolution(384, 3, 1, 1, 1, normal(0.03, 0));
        chain.convolution(384, 3, 1, 1, 2, normal(0.03, 1));
        chain.linear(256, 3, 1, 1, 2, normal(0.03, 1)).pool().relu();
        chain.fullyConnected(4096, raised).dropout(0.5, false);
        chain.fullyConnected(4096, raised).dropout(0.5, false);
        return Network.chain("alexnet-2012", new Shape(channels, 224, 224), 1, chain.end(classes, PLAIN));
    }

    /**
     * Caffe's bvlc_alexnet (models/bvlc_alexnet/train_val.prototxt): normalisation across the maps of both halves with alpha / n and
     * k = 1, biases 0.1 where the paper has 1, deviation 0.005 in fc6 and fc7, inverted dropout; pooling rounds up, as all of
     * Caffe's does (with these sizes it comes to the same).
     */
    static Network caffe(int channels, int classes) {
        Initialization raised = normal(0.01, 0.1);
        Initialization hidden = normal(0.005, 0.1);
        NetworkBuilder chain = new NetworkBuilder(Rounding.FLOOR);
        chain.convolution(96, 11, 4, 0, 1, PLAIN).norm(5, ALPHA / 5, 1, 1).pool(Rounding.CEIL);
        chain.convolution(256, 5, 1, 2, 2, raised).norm(5, ALPHA / 5, 1, 1).pool(Rounding.CEIL);
        chain.convolution(384, 3, 1, 1, 1, PLAIN);
        chain.convolution(384, 3, 1, 1, 2, raised);
        chain.convolution(256, 3, 1, 1, 2, raised).pool(Rounding.CEIL);
        chain.fullyConnected(4096, hidden).dropout(0.5, true);
        chain.fullyConnected(4096, hidden).dropout(0.5, true);
        return Network.chain("alexnet-caffe", new Shape(channels, 227, 227), 1, chain.end(classes, PLAIN));
    }

    /**
     * The one-column network of "One weird trick" (arXiv 1404.5997) as torchvision has it: no normalisation, dropout before fc6 and
     * fc7. Pixels are scaled to about [-2, 2], as torchvision's users scale them; weights start by He's rule.
     */
    static Network oneWeirdTrick(int channels, int classes) {
        NetworkBuilder chain = new NetworkBuilder(Rounding.FLOOR);
        chain.convolution(64, 11, 4, 2, 1, HE).pool();
        chain.convolution(192, 5, 1, 2, 1, HE).pool();
        chain.convolution(384, 3, 1, 1, 1, HE);
        chain.convolution(256, 3, 1, 1, 1, HE);
        chain.convolution(256, 3, 1, 1, 1, HE).pool();
        chain.dropoutBefore(0.5, true).fullyConnected(4096, HE);
        chain.dropoutBefore(0.5, true).fullyConnected(4096, HE);
        return Network.chain("alexnet-owt", new Shape(channels, 224, 224), 1.0 / 58, chain.end(classes, PLAIN));
    }

    /**
     * Zeiler and Fergus 2013 (arXiv 1311.2901), figure 3: 7x7 filters at stride 2, normalisation across all maps after pooling, one
     * column. Pooling rounds up, which is what makes 110 pixels 55 and 26 pixels 13, as the figure has them. After each
     * update the filters of convolutions whose RMS is above 0.1 are scaled back to it. The paper does not give the numbers of the
     * normalisation; they are AlexNet's.
     */
    static Network zfnet(int channels, int classes) {
        NetworkBuilder chain = new NetworkBuilder(Rounding.FLOOR, 0.1);
        chain.convolution(96, 7, 2, 1, 1, PLAIN).pool(Rounding.CEIL).norm(5, ALPHA, 2, 1);
        chain.convolution(256, 5, 2, 0, 1, PLAIN).pool(Rounding.CEIL).norm(5, ALPHA, 2, 1);
        chain.convolution(384, 3, 1, 1, 1, PLAIN);
        chain.convolution(384, 3, 1, 1, 1, PLAIN);
        chain.convolution(256, 3, 1, 1, 1, PLAIN).pool(Rounding.CEIL);
        chain.fullyConnected(4096, PLAIN).dropout(0.5, false);
        chain.fullyConnected(4096, PLAIN).dropout(0.5, false);
        return Network.chain("zfnet", new Shape(channels, 224, 224), 1, chain.end(classes, PLAIN));
    }
}
