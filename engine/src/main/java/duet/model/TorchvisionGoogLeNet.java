package duet.model;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

import duet.device.Operation.Activation;
import duet.model.ImportedLayers.Value;
import duet.net.Layer;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/**
 * torchvision's GoogLeNet, of which a file has only the tensors: convolutions without biases with batch normalisation behind them, which
 * becomes part of the weights, 3x3 filters where the paper has 5x5, no response normalisation. The file says how many filters there are.
 */
final class TorchvisionGoogLeNet {
    private static final String MARK = "inception3a.branch1.conv.weight";
    private static final List<String> MODULES = List.of("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b");
    private static final int SIDE = 224;
    private static final double EPSILON = 0.001;
    private static final double AUXILIARY_WEIGHT = 0.3;
    /** The published weights want levels of -1 to 1 in all channels: torchvision takes its usual normalisation back ("transform_input"). */
    private static final float HALF = 127.5f;

    private final Path file;
    private final Safetensors tensors;
    private final String prefix;
    private final ImportedLayers network;
    private final Set<String> read = new HashSet<>();

    private TorchvisionGoogLeNet(Path file, Safetensors tensors, String prefix) {
        this.file = file;
        this.tensors = tensors;
        this.prefix = prefix;
        network = new ImportedLayers(file.toString(), "googlenet-torchvision", new Shape(sizes("conv1.conv.weight", 4).get(1), SIDE, SIDE));
    }

    /** What stands before the names in a file of such weights; empty if these are none. */
    static Optional<String> prefix(Collection<String> names) {
        return names.stream().filter(name -> name.equals(MARK) || name.endsWith("." + MARK)).findFirst()
                .map(name -> name.substring(0, name.length() - MARK.length()));
    }

    static ImportedModel read(Path file, Safetensors tensors, String prefix) throws IOException {
        return new TorchvisionGoogLeNet(file, tensors, prefix).build();
    }

    private ImportedModel build() throws IOException {
        Value value = convolution(network.image(), "conv1", 7, 2, 3);
        value = pool(value, "pool1", Layer.Pooling.Kind.MAX, new Window(3, 2, 0));
        value = convolution(value, "conv2", 1, 1, 0);
        value = convolution(value, "conv3", 3, 1, 1);
        value = pool(value, "pool2", Layer.Pooling.Kind.MAX, new Window(3, 2, 0));
        List<String> notes = new ArrayList<>();
        for (String module : MODULES) {
            value = module(value, "inception" + module);
            switch (module) {
                case "3b" -> value = pool(value, "pool3", Layer.Pooling.Kind.MAX, new Window(3, 2, 0));
                case "4e" -> value = pool(value, "pool4", Layer.Pooling.Kind.MAX, new Window(2, 2, 0));
                case "4a" -> auxiliary(value, "aux1", notes);
                case "4d" -> auxiliary(value, "aux2", notes);
                default -> {}
            }
        }
        value = pool(value, "pool5", Layer.Pooling.Kind.AVERAGE, new Window(value.shape().height(), 1, 0));
        network.call("dropout");
        value = fullyConnected(network.dropout(value, 0.2, true), "fc");
        network.call("loss");
        network.loss(value, 1);
        notes.add("the names are those of torchvision's GoogLeNet, so pixels are taken as its published weights want them, (level - 127.5) "
                + "/ 127.5 — give --mean 123.7,116.3,103.5 --std 58.4,57.1,57.4 for weights trained without transform_input");
        List<String> left = tensors.entries().keySet().stream()
                .filter(name -> !read.contains(name) && !name.endsWith("num_batches_tracked")).toList();
        if (!left.isEmpty()) {
            notes.add("left out, since torchvision's GoogLeNet has no such parameters: " + ImportedLayers.shortened(left, name -> name));
        }
        float[] levels = new float[network.input().channels()];
        Arrays.fill(levels, HALF);
        return network.end(1, MeanLevels.of(levels), levels, notes);
    }

    /** Four branches side by side. */
    private Value module(Value in, String name) throws IOException {
        Value middle = convolution(in, name + ".branch2.0", 1, 1, 0);
        Value third = convolution(in, name + ".branch3.0", 1, 1, 0);
        Value pooled = pool(in, name + ".pool", Layer.Pooling.Kind.MAX, new Window(3, 1, 1));
        List<Value> branches = List.of(convolution(in, name + ".branch1", 1, 1, 0), convolution(middle, name + ".branch2.1", 3, 1, 1),
                convolution(third, name + ".branch3.1", 3, 1, 1), convolution(pooled, name + ".branch4.1", 1, 1, 0));
        network.call(name);
        return network.concatenation(branches);
    }

    /** In training alone; some files have none. */
    private void auxiliary(Value in, String name, List<String> notes) throws IOException {
        if (!tensors.entries().containsKey(prefix + name + ".fc2.weight")) {
            return;
        }
        if (notes.isEmpty()) {
            notes.add("the auxiliary classifiers, which count in training only, average over windows of 5x5 at a distance of 3 as the "
                    + "paper's do; torchvision's 4x4 lie at 0, 3, 7 and 10");
        }
        Value value = pool(in, name + ".pool", Layer.Pooling.Kind.AVERAGE, new Window(5, 3, 0));
        value = fullyConnected(convolution(value, name + ".conv", 1, 1, 0), name + ".fc1");
        network.call(name + ".relu");
        value = network.nonlinearity(value, Activation.RELU);
        network.call(name + ".dropout");
        value = fullyConnected(network.dropout(value, 0.7, true), name + ".fc2");
        network.call(name + ".loss");
        network.loss(value, AUXILIARY_WEIGHT);
    }

    /** All round up. */
    private Value pool(Value in, String name, Layer.Pooling.Kind kind, Window window) {
        network.call(name);
        return network.pool(in, kind, window, Rounding.CEIL);
    }

    private Value convolution(Value in, String name, int kernel, int stride, int padding) throws IOException {
        String weight = name + ".conv.weight";
        List<Integer> sizes = sizes(weight, 4);
        if (!sizes.subList(2, 4).equals(List.of(kernel, kernel))) {
            throw new ModelFileException(String.format(Locale.ROOT, "%s: %s is %s, but torchvision's GoogLeNet has filters of %dx%d there",
                    file, prefix + weight, sizes, kernel, kernel));
        }
        int filters = sizes.getFirst();
        network.call(name);
        Value made = network.convolution(in, filters, new Window(kernel, stride, padding), 1, Rounding.FLOOR, floats(weight), null);
        BatchNorm norm = new BatchNorm(floats(name + ".bn.weight"), floats(name + ".bn.bias"), floats(name + ".bn.running_mean"),
                floats(name + ".bn.running_var"), EPSILON);
        if (!norm.fits() || !network.fold(made, norm.factors(), norm.summands())) {
            throw new ModelFileException(String.format(Locale.ROOT,
                    "%s: %s and the three tensors beside it must have %d numbers, variances not below 0", file,
                    prefix + name + ".bn.weight", filters));
        }
        network.call(name + ".relu");
        return network.nonlinearity(made, Activation.RELU);
    }

    private Value fullyConnected(Value in, String name) throws IOException {
        int outputs = sizes(name + ".weight", 2).getFirst();
        network.call(name);
        return network.fullyConnected(in, outputs, floats(name + ".weight"), floats(name + ".bias"));
    }

    private Safetensors.Entry entry(String name) {
        Safetensors.Entry entry = tensors.entries().get(prefix + name);
        if (entry == null) {
            throw new ModelFileException(file + ": lacks " + prefix + name + ", which torchvision's GoogLeNet has");
        }
        return entry;
    }

    private List<Integer> sizes(String name, int dimensions) {
        List<Integer> sizes = entry(name).shape().stream().map(Math::toIntExact).toList();
        if (sizes.size() != dimensions) {
            throw new ModelFileException(file + ": " + prefix + name + " is " + sizes + ", but must have " + dimensions + " sizes");
        }
        return sizes;
    }

    private float[] floats(String name) throws IOException {
        String whole = entry(name).name();
        read.add(whole);
        return tensors.floats(whole);
    }
}
