package duet.model;

import java.util.List;
import java.util.function.Supplier;

import duet.net.Network;
import duet.net.NetworkException;
import duet.text.Suggestion;

/** The named networks. */
public final class Networks {
    private static final List<Entry> ENTRIES = List.of(
            new Entry("alexnet", 3, 1000, AlexNets::paper,
                    "the paper's AlexNet: 227-pixel images, 8 layers, 61 M parameters for 3 channels and 1000 classes"),
            new Entry("alexnet-small", 1, 10, AlexNets::small,
                    "the same anatomy for 28-pixel images: 8 layers, 1.11 M parameters for 1 channel and 10 classes"),
            new Entry("alexnet-2012", 3, 1000, AlexNets::original,
                    "the network that was trained in 2012 (net 145 of the released code): 224-pixel images, sizes rounded up, "
                            + "normalisation before ReLU, a second one within the maps"),
            new Entry("alexnet-caffe", 3, 1000, AlexNets::caffe,
                    "Caffe's bvlc_alexnet: normalisation across both halves with alpha / n and k = 1, biases 0.1; one device"),
            new Entry("alexnet-owt", 3, 1000, AlexNets::oneWeirdTrick,
                    "torchvision's AlexNet (\"One weird trick\"): one column of 64, 192, 384, 256, 256 filters, no normalisation"),
            new Entry("zfnet", 3, 1000, AlexNets::zfnet,
                    "Zeiler and Fergus 2013: 7x7 filters at stride 2 in conv1, one column, filters kept to an RMS of 0.1; one device"),
            new Entry("googlenet", 3, 1000, GoogLeNets::paper,
                    "Szegedy et al. 2014: nine Inception modules, 7.0 M parameters and 6.4 M in two auxiliary classifiers for training; "
                            + "not in two towers"),
            new Entry("googlenet-small", 1, 10, GoogLeNets::small,
                    "the same anatomy for 28- or 32-pixel images: four Inception modules, one auxiliary classifier, no normalisation, "
                            + "0.23 M parameters and 0.07 M for training"),
            new Entry("cifar-18pct", 3, 10, CifarNetworks::eighteenPercent,
                    "cuda-convnet's 18 % network for CIFAR-10: normalisation within the maps, average pooling"),
            new Entry("cifar-11pct", 3, 10, CifarNetworks::elevenPercent,
                    "like cuda-convnet's 11 % network for CIFAR-10 (24-pixel crops), with convolutions in place of its two locally "
                            + "connected layers; one device"),
            new Entry("figure-1", 3, 10, CifarNetworks::figureOne,
                    "the four layers of the paper's figure 1 (ReLU; with --nonlinearity tanh the other curve)"));

    private Networks() {}

    /** @param channels and classes that it was first made for */
    private record Entry(String name, int channels, int classes, Maker maker, String description) {}

    private interface Maker {
        Network make(int channels, int classes);
    }

    private static Entry entry(String name) {
        return ENTRIES.stream().filter(entry -> entry.name().equals(name)).findFirst().orElseThrow(unknown(name));
    }

    private static Supplier<NetworkException> unknown(String name) {
        return () -> new NetworkException("there is no network called " + name + "; " + Suggestion.of(String.valueOf(name), names()));
    }

    /** {@return the names of all networks, in the order of lists} */
    public static List<String> names() {
        return ENTRIES.stream().map(Entry::name).toList();
    }

    /**
     * Makes a named network for images and classes of any kind.
     *
     * @param name     one of {@link #names}
     * @param channels of the images: 3 for colour, 1 for grey
     * @param classes  outputs of the last fully connected layer
     * @return the network
     * @throws NetworkException if there is no such network, with the nearest name
     */
    public static Network create(String name, int channels, int classes) {
        return entry(name).maker().make(channels, classes);
    }

    /**
     * {@return a named network for the images and classes that it was first made for: ImageNet, CIFAR-10 or Fashion-MNIST}
     *
     * @param name one of {@link #names}
     */
    public static Network create(String name) {
        Entry entry = entry(name);
        return create(name, entry.channels(), entry.classes());
    }

    /**
     * {@return what a network is, in one line, for lists}
     *
     * @param name one of {@link #names}
     */
    public static String description(String name) {
        return entry(name).description();
    }
}
