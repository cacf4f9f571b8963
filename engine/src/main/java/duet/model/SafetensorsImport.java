package duet.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Collectors;

import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.ParameterShape;

/**
 * Weights without a network, from a safetensors file: by Duet's names ({@code conv1.weight}, also with more before or between), by those
 * of torchvision's AlexNet ({@code features.0.weight}, {@code classifier.6.bias}), or in order, where all sizes fit. The names of
 * torchvision's GoogLeNet say the network, too.
 */
public final class SafetensorsImport {
    /** What torchvision takes off and divides by, in levels (0 to 255): red, green, blue. */
    private static final float[] TORCHVISION_MEAN = {0.485f * 255, 0.456f * 255, 0.406f * 255};
    private static final float[] TORCHVISION_DEVIATION = {0.229f * 255, 0.224f * 255, 0.225f * 255};

    private static final int USUAL_CHANNELS = 3;
    private static final int USUAL_CLASSES = 1000;

    private SafetensorsImport() {}

    /**
     * Reads weights and the network that they belong to.
     *
     * @param file    a safetensors file
     * @param network makes the network for that many channels and classes; null if it is to be known by the names
     * @return network and weights
     * @throws ModelFileException naming what is missing, left over or of another size
     * @throws IOException if the file cannot be read
     */
    public static ImportedModel read(Path file, BiFunction<Integer, Integer, Network> network) throws IOException {
        try (Safetensors tensors = Safetensors.open(file)) {
            Optional<String> googLeNet = TorchvisionGoogLeNet.prefix(tensors.entries().keySet());
            if (googLeNet.isPresent() && network == null) {
                return TorchvisionGoogLeNet.read(file, tensors, googLeNet.get());
            } else if (googLeNet.isPresent()) {
                throw new ModelFileException(
                        file + ": its names are those of torchvision's GoogLeNet, which say the network; leave out --net");
            } else if (network == null) {
                throw new ModelFileException(file + ": holds weights without a network; say which network they are of (--net)");
            }
            Network target = target(file, network, tensors.entries().values());
            TensorNames found = TensorNames.of(file, target, tensors.entries());
            Map<String, String> names = found.names();
            Map<String, float[]> parameters = new LinkedHashMap<>();
            for (ParameterShape parameter : target.parameters()) {
                Safetensors.Entry entry = tensors.entries().get(names.get(parameter.name()));
                if (!entry.shape().equals(parameter.sizes().stream().map(Integer::longValue).toList())) {
                    throw new ModelFileException("%s: %s is %s, but %s of %s is %s".formatted(
                            file, entry.name(), entry.shape(), parameter.name(), target.name(), parameter.sizes()));
                }
                parameters.put(parameter.name(), tensors.floats(entry.name()));
            }
            return found.torchvision() ? torchvision(target, parameters, found.notes())
                    : new ImportedModel(target, null, parameters, null, null, null, found.notes());
        }
    }

    /** For the channels and classes of the file: by the names of the first layer and of the scores', else by what comes first and last. */
    private static Network target(Path file, BiFunction<Integer, Integer, Network> network, Collection<Safetensors.Entry> all) {
        List<Safetensors.Entry> weights = TensorNames.inOrder(all).stream()
                .filter(entry -> entry.name().endsWith("weight") && entry.shape().size() >= 2).toList();
        Network usual = network.apply(USUAL_CHANNELS, USUAL_CLASSES);
        Layer first = usual.nodes().stream().filter(node -> node.inputs().contains(Network.IMAGE)).map(Node::layer).findFirst()
                .orElseThrow();
        Map<String, Safetensors.Entry> byName = weights.stream().collect(Collectors.toMap(Safetensors.Entry::name, Function.identity()));
        List<String> pixels = TensorNames.called(first.name() + ".weight", byName.keySet());
        List<String> scores = TensorNames.called(usual.scores().name() + ".weight", byName.keySet());
        boolean named = pixels.size() == 1 && scores.size() == 1;
        List<Safetensors.Entry> ends = named ? List.of(byName.get(pixels.getFirst()), byName.get(scores.getFirst())) : weights;
        if (ends.isEmpty() || ends.getFirst().shape().size() != 4) {
            throw new ModelFileException(file + ": the first tensor ending in .weight must be a convolution's, of four sizes");
        }
        int groups = named && first instanceof Layer.Convolution convolution ? convolution.groups() : 1;
        return network.apply(Math.toIntExact(ends.getFirst().shape().get(1) * groups), Math.toIntExact(ends.getLast().shape().getFirst()));
    }

    private static ImportedModel torchvision(Network network, Map<String, float[]> parameters, List<String> notes) {
        List<String> all = new ArrayList<>(notes);
        int channels = network.input().channels();
        if (channels == 3) {
            all.add("the names are torchvision's, so its mean and standard deviation of ImageNet's pixels are taken — give --mean and "
                    + "--std if they were others");
            return new ImportedModel(network, null, parameters, MeanLevels.of(TORCHVISION_MEAN), TORCHVISION_DEVIATION, null, all);
        }
        float[] whole = new float[channels];
        Arrays.fill(whole, 255);
        all.add("the names are torchvision's, so pixels are taken as 0 to 1 — give --mean and --std (in levels of 0 to 255) if they were "
                + "others");
        return new ImportedModel(network, null, parameters, MeanLevels.of(new float[channels]), whole, null, all);
    }
}
