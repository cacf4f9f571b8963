package duet.model;

import duet.net.Initialization;
import duet.net.Initialization.Distribution;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;

/**
 * Quick networks for CIFAR-10: cuda-convnet's examples and the one of the paper's figure 1. Where the images have one channel they
 * are taken to be those of Fashion-MNIST, 28 pixels wide instead of 32.
 */
final class CifarNetworks {
    private static final int CROP = 24;

    private CifarNetworks() {}

    private static Initialization normal(double deviation) {
        return new Initialization(Distribution.NORMAL, deviation, 0);
    }

    private static Shape whole(int channels) {
        int side = channels == 1 ? 28 : 32;
        return new Shape(channels, side, side);
    }

    /** cuda-convnet's layers-18pct.cfg: normalisation within the maps, average pooling after the first layer. */
    static Network eighteenPercent(int channels, int classes) {
        double alpha = 0.00005 / 9;
        NetworkBuilder chain = new NetworkBuilder(Rounding.CEIL);
        chain.convolution(32, 5, 1, 2, 1, normal(0.0001)).pool().spatialNorm(3, alpha);
        chain.convolution(32, 5, 1, 2, 1, normal(0.01)).averagePool().spatialNorm(3, alpha);
        chain.convolution(64, 5, 1, 2, 1, normal(0.01)).averagePool();
        return Network.chain("cifar-18pct", whole(channels), 1, chain.end(classes, normal(0.01)));
    }

    /**
     * cuda-convnet2's layers-cifar10-11pct.cfg. Its local3 and local4 have filters of their own at every place, which this engine
     * does not have: here they are convolutions of the same size, conv3 and conv4.
     */
    static Network elevenPercent(int channels, int classes) {
        double alpha = 0.001 / 9;
        NetworkBuilder chain = new NetworkBuilder(Rounding.CEIL);
        chain.convolution(64, 5, 1, 2, 1, normal(0.0001)).pool().norm(9, alpha, 1, 1);
        chain.convolution(64, 5, 1, 2, 1, normal(0.01)).norm(9, alpha, 1, 1).pool();
        chain.convolution(64, 3, 1, 1, 1, normal(0.04));
        chain.convolution(32, 3, 1, 1, 1, normal(0.04));
        return Network.chain("cifar-11pct", new Shape(channels, CROP, CROP), 1, chain.end(classes, normal(0.01)));
    }

    /**
     * Figure 1 of the paper: "a four-layer convolutional neural network", trained without any regularisation, of which the paper says
     * no more. These are the layers of cuda-convnet's CIFAR-10 examples of that time without normalisation; pixels (levels, less the mean
     * image) and first weights are as in section 5.
     */
    static Network figureOne(int channels, int classes) {
        NetworkBuilder chain = new NetworkBuilder(Rounding.CEIL);
        chain.convolution(32, 5, 1, 2, 1, Initialization.PAPER).pool();
        chain.convolution(32, 5, 1, 2, 1, Initialization.PAPER).pool();
        chain.convolution(64, 5, 1, 2, 1, Initialization.PAPER).pool();
        return Network.chain("figure-1", whole(channels), 1, chain.end(classes, Initialization.PAPER));
    }
}
