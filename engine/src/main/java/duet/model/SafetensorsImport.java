package duet.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import duet.net.Network;
import duet.net.ParameterShape;

/**
 * Weights without a network, from a safetensors file: by Duet's names ({@code conv1.weight}), or by those of PyTorch's sequential modules
 * ({@code features.0.weight}, {@code classifier.6.bias}: torchvision's AlexNet), which are the layers with weights in order.
 */
public final class SafetensorsImport {
    private static final Pattern SEQUENTIAL = Pattern.compile("(?:module\\.)?(features|classifier)\\.(\\d+)\\.(weight|bias)");

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
            Map<String, Safetensors.Entry> entries = inOrder(tensors.entries());
            List<Safetensors.Entry> weights = entries.entrySet().stream().filter(entry -> entry.getKey().endsWith(".weight"))
                    .map(Map.Entry::getValue).toList();
            if (weights.isEmpty() || weights.getFirst().shape().size() != 4) {
                throw new ModelFileException(file + ": the first tensor ending in .weight must be a convolution's, of four sizes");
            }
            Network target = network.apply(Math.toIntExact(weights.getFirst().shape().get(1)),
                    Math.toIntExact(weights.getLast().shape().getFirst()));
            Map<String, String> names = names(file, entries, target.parameters().stream().map(ParameterShape::name).toList());
            Map<String, float[]> parameters = new LinkedHashMap<>();
            for (ParameterShape parameter : target.parameters()) {
                Safetensors.Entry entry = tensors.entries().get(names.get(parameter.name()));
                if (!entry.shape().equals(parameter.sizes().stream().map(Integer::longValue).toList())) {
                    throw new ModelFileException("%s: %s is %s, but %s of %s is %s".formatted(
                            file, entry.name(), entry.shape(), parameter.name(), target.name(), parameter.sizes()));
                }
                parameters.put(parameter.name(), tensors.floats(entry.name()));
            }
            boolean sequential = names.values().stream().allMatch(name -> SEQUENTIAL.matcher(name).matches());
            return sequential ? torchvision(target, parameters) : new ImportedModel(target, null, parameters, null, null, null, List.of());
        }
    }

    private static ImportedModel torchvision(Network network, Map<String, float[]> parameters) {
        int channels = network.input().channels();
        if (channels == 3) {
            return new ImportedModel(network, null, parameters, MeanLevels.of(TORCHVISION_MEAN), TORCHVISION_DEVIATION, null, List.of(
                    "the names are torchvision's, so its mean and standard deviation of ImageNet's pixels are taken — give --mean and "
                            + "--std if they were others"));
        }
        float[] whole = new float[channels];
        Arrays.fill(whole, 255);
        return new ImportedModel(network, null, parameters, MeanLevels.of(new float[channels]), whole, null, List.of(
                "the names are torchvision's, so pixels are taken as 0 to 1 — give --mean and --std (in levels of 0 to 255) if they were "
                        + "others"));
    }

    /** Names like {@code features.10.weight} by number, weight before bias; others as they are. */
    private static Map<String, Safetensors.Entry> inOrder(Map<String, Safetensors.Entry> entries) {
        Map<String, Safetensors.Entry> sorted = new LinkedHashMap<>();
        entries.entrySet().stream().sorted(Comparator.comparing(entry -> {
            Matcher matcher = SEQUENTIAL.matcher(entry.getKey());
            return !matcher.matches() ? ""
                    : (matcher.group(1).equals("features") ? "0" : "1") + "%06d".formatted(Long.parseLong(matcher.group(2)) % 1_000_000)
                            + (matcher.group(3).equals("weight") ? "0" : "1");
        })).forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
        return sorted;
    }

    /** The file's name of each parameter. */
    private static Map<String, String> names(Path file, Map<String, Safetensors.Entry> entries, List<String> parameters) {
        List<String> found = new ArrayList<>(entries.keySet());
        boolean sequential = found.stream().allMatch(name -> SEQUENTIAL.matcher(name).matches());
        List<String> missing = parameters.stream().filter(name -> !found.contains(name)).toList();
        if (sequential ? found.size() != parameters.size() : !missing.isEmpty()) {
            throw new ModelFileException(sequential
                    ? "%s: has %d tensors, but the network %d parameters: another network?".formatted(file, found.size(), parameters.size())
                    : "%s: lacks %s; its tensors are %s".formatted(file, String.join(", ", missing), String.join(", ", found)));
        }
        Map<String, String> names = new LinkedHashMap<>();
        for (int i = 0; i < parameters.size(); i++) {
            names.put(parameters.get(i), sequential ? found.get(i) : parameters.get(i));
        }
        return names;
    }
}
