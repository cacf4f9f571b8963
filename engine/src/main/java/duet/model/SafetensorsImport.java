package duet.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;

import duet.net.Network;
import duet.net.ParameterShape;

/**
 * Weights without a network, from a safetensors file: by Duet's names ({@code conv1.weight}, also with more before or between), by those
 * of torchvision's AlexNet ({@code features.0.weight}, {@code classifier.6.bias}), or in order, where all sizes fit.
 */
public final class SafetensorsImport {
    /** What torchvision takes off and divides by, in levels (0 to 255): red, green, blue. */
    private static final float[] TORCHVISION_MEAN = {0.485f * 255, 0.456f * 255, 0.406f * 255};
    private static final float[] TORCHVISION_DEVIATION = {0.229f * 255, 0.224f * 255, 0.225f * 255};

    private SafetensorsImport() {}

    /**
     * Reads weights and the network that they belong to.
     *
     * @param file    a safetensors file
     * @param network makes the network for that many channels and classes
     * @return network and weights
     * @throws ModelFileException naming what is missing, left over or of another size
     * @throws IOException if the file cannot be read
     */
    public static ImportedModel read(Path file, BiFunction<Integer, Integer, Network> network) throws IOException {
        try (Safetensors tensors = Safetensors.open(file)) {
            List<Safetensors.Entry> weights = TensorNames.inOrder(tensors.entries().values()).stream()
                    .filter(entry -> entry.name().endsWith("weight") && entry.shape().size() >= 2).toList();
            if (weights.isEmpty() || weights.getFirst().shape().size() != 4) {
                throw new ModelFileException(file + ": the first tensor ending in .weight must be a convolution's, of four sizes");
            }
            Network target = network.apply(Math.toIntExact(weights.getFirst().shape().get(1)),
                    Math.toIntExact(weights.getLast().shape().getFirst()));
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
