package duet.model;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

import duet.device.Operation.Activation;
import duet.model.proto.Onnx.NodeProto;
import duet.net.Layer;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/** The nodes of an ONNX graph of another program, followed from the input to the softmax. */
final class OnnxReader {
    /** Nodes to which it is all one where the channels lie, or that see to it. */
    private static final Set<String> ANYWHERE = Set.of("Transpose", "Relu", "Tanh", "Dropout", "Identity", "Cast", "Flatten", "Reshape",
            "Squeeze", "MatMul", "Gemm", "Add", "Sub", "Mul", "Div");

    private final Path file;
    private final Map<String, OnnxTensor> constants;
    private final ImportedLayers chain;
    private final OnnxPixels pixels;
    /** More than 1 between the two nodes that put groups of channels side by side in the batch and back. */
    private int normGroups = 1;
    private boolean channelsLast;

    /** @param channelsLast whether images come as [N][height][width][channels] */
    OnnxReader(Path file, String name, Shape input, boolean channelsLast, Map<String, OnnxTensor> constants) {
        this.channelsLast = channelsLast;
        this.file = file;
        this.constants = constants;
        this.pixels = new OnnxPixels(input);
        this.chain = new ImportedLayers(file.toString(), name, input);
    }

    ImportedModel read(List<NodeProto> nodes, String value) {
        Map<String, List<NodeProto>> users = new HashMap<>();
        for (NodeProto node : nodes) {
            node.getInputList().stream().filter(name -> !node.getOpType().equals("Shape"))
                    .forEach(name -> users.computeIfAbsent(name, any -> new ArrayList<>()).add(node));
        }
        OnnxNorm.Graph graph = OnnxNorm.Graph.of(file, nodes, constants);
        for (int steps = 0; users.containsKey(value); steps++) {
            List<NodeProto> next = users.get(value);
            OnnxNorm norm = OnnxNorm.of(value, next, graph);
            if (norm != null) {
                chain.norm(norm.size(), norm.alpha(), norm.beta(), norm.k(), normGroups);
                value = norm.division().getOutput(0);
                continue;
            }
            if (next.size() > 1 || steps > nodes.size()) {
                throw new ModelFileException(String.format(Locale.ROOT, "%s: %s goes to %d nodes (%s): Duet's networks are chains",
                        file, value, next.size(), String.join(", ", next.stream().map(NodeProto::getOpType).toList())));
            }
            add(next.getFirst(), value);
            value = next.getFirst().getOutput(0);
        }
        if (chain.weighted() == 0) {
            throw new ModelFileException(file + ": no layer with weights follows the input " + value);
        }
        return chain.end(pixels.scale(), pixels.mean(), List.of());
    }

    private void add(NodeProto node, String value) {
        if (channelsLast && !ANYWHERE.contains(node.getOpType())) {
            throw refuse(node, "channels come last here, which Duet knows around elementwise nodes and fully connected layers alone");
        }
        if (normGroups > 1 && !node.getOpType().equals("LRN") && !node.getOpType().equals("Reshape")) {
            throw refuse(node, "groups of channels lie in the batch here, which Duet knows around LRN alone");
        }
        switch (node.getOpType()) {
            case "Conv" -> convolution(node);
            case "Gemm" -> gemm(node);
            case "MatMul" -> fullyConnected(node, operand(node, 1), false, null);
            case "Add", "Sub", "Mul", "Div" -> arithmetic(node, value);
            case "Relu" -> chain.nonlinearity(Activation.RELU);
            case "Tanh" -> chain.nonlinearity(Activation.TANH);
            case "LRN" -> norm(node);
            case "MaxPool", "AveragePool" -> pool(node);
            case "GlobalAveragePool" -> chain.pool(Layer.Pooling.Kind.AVERAGE, chain.shape().height(), 1, 0, Rounding.FLOOR);
            case "Dropout" -> dropout(node);
            case "Flatten", "Squeeze" -> {}
            case "Reshape" -> reshape(node);
            case "Transpose" -> transpose(node);
            case "Identity", "Cast" -> {}
            case "Softmax", "LogSoftmax" -> chain.loss();
            default ->
                throw refuse(node, "Duet has no such layer; it reads Conv, Gemm, MatMul, Relu, Tanh, LRN, MaxPool, AveragePool, Dropout, "
                        + "Flatten and Softmax");
        }
    }

    private ModelFileException refuse(NodeProto node, String reason) {
        String name = node.getName().isEmpty() ? node.getOutput(0) : node.getName();
        return new ModelFileException("%s: the node %s (%s): %s".formatted(file, name, node.getOpType(), reason));
    }

    private OnnxTensor operand(NodeProto node, int index) {
        OnnxTensor tensor = index < node.getInputCount() ? constants.get(node.getInput(index)) : null;
        if (tensor == null) {
            throw refuse(node, "its operand " + index + " is no constant of the file");
        }
        return tensor;
    }

    private int square(NodeProto node, String name, long... otherwise) {
        long[] values = OnnxAttributes.integers(node, name, otherwise);
        if (values.length != 2 || values[0] != values[1]) {
            throw refuse(node, name + " is " + Arrays.toString(values) + ", but Duet's windows are square");
        }
        return Math.toIntExact(values[0]);
    }

    /** How a window lies: the padding above and on the left, and whether what is below and on the right amounts to rounding up. */
    private record Edge(int padding, Rounding rounding) {}

    private Edge edge(NodeProto node, int window, int stride) {
        String automatic = OnnxAttributes.text(node, "auto_pad", "NOTSET");
        if (!automatic.equals("NOTSET") && !automatic.equals("VALID")) {
            throw refuse(node, "auto_pad " + automatic + " is not supported; export the model with explicit pads");
        }
        if (Arrays.stream(OnnxAttributes.integers(node, "dilations", 1, 1)).anyMatch(dilation -> dilation != 1)) {
            throw refuse(node, "dilations are not supported");
        }
        long[] pads = OnnxAttributes.integers(node, "pads", 0, 0, 0, 0);
        if (pads.length != 4 || pads[0] != pads[1] || pads[2] != pads[3] || pads[2] < pads[0]) {
            throw refuse(node, "pads are " + Arrays.toString(pads) + ", but Duet pads all sides alike");
        }
        int padding = Math.toIntExact(pads[0]);
        if (OnnxAttributes.integer(node, "ceil_mode", 0) != 0) {
            if (pads[2] != pads[0]) {
                throw refuse(node, "ceil_mode together with uneven pads " + Arrays.toString(pads) + " is not supported");
            }
            return new Edge(padding, Rounding.CEIL);
        }
        if (pads[2] == pads[0]) {
            return new Edge(padding, Rounding.FLOOR);
        }
        int length = chain.shape().height();
        long outputs = 1 + (length + padding + pads[2] - window) / stride;
        if (outputs != new Window(window, stride, padding).outputs(length, Rounding.CEIL) || chain.shape().width() != length) {
            throw refuse(node,
                    "pads are " + Arrays.toString(pads) + ": more below than above is supported where it amounts to rounding up");
        }
        return new Edge(padding, Rounding.CEIL);
    }

    private void convolution(NodeProto node) {
        OnnxTensor weight = operand(node, 1);
        List<Integer> sizes = weight.sizes();
        if (sizes.size() != 4 || !sizes.get(2).equals(sizes.get(3))) {
            throw refuse(node, "its weights are " + sizes + ", but Duet's kernels are square");
        }
        int stride = square(node, "strides", 1, 1);
        Edge edge = edge(node, sizes.get(2), stride);
        chain.convolution(sizes.getFirst(), sizes.get(2), stride, edge.padding(), Math.toIntExact(OnnxAttributes.integer(node, "group", 1)),
                edge.rounding(),
                weight.floats(), node.getInputCount() > 2 ? operand(node, 2).floats() : null);
    }

    private void gemm(NodeProto node) {
        if (OnnxAttributes.integer(node, "transA", 0) != 0 || OnnxAttributes.real(node, "alpha", 1) != 1
                || OnnxAttributes.real(node, "beta", 1) != 1) {
            throw refuse(node, "only alpha 1, beta 1 and transA 0 are supported");
        }
        fullyConnected(node, operand(node, 1), OnnxAttributes.integer(node, "transB", 0) != 0,
                node.getInputCount() > 2 ? operand(node, 2).floats() : null);
    }

    private void fullyConnected(NodeProto node, OnnxTensor weight, boolean outputsFirst, float[] bias) {
        List<Integer> sizes = weight.sizes();
        if (sizes.size() != 2) {
            throw refuse(node, "its weights are " + sizes + ", but must have two sizes");
        }
        int outputs = outputsFirst ? sizes.get(0) : sizes.get(1);
        float[] values = outputsFirst ? weight.floats() : transposed(weight.floats(), sizes.get(0), outputs);
        if (channelsLast) {
            values = channelsFirst(node, values, outputs);
            channelsLast = false;
        }
        // A product without a bias may have it in the sum that follows, so it always gets one here.
        chain.fullyConnected(outputs, values, bias == null ? new float[outputs] : bias);
    }

    /** Weights of [outputs][height][width][channels] as [outputs][channels][height][width]. */
    private float[] channelsFirst(NodeProto node, float[] values, int outputs) {
        Shape shape = chain.shape();
        int elements = Math.toIntExact(shape.elements());
        if (values.length != (long) outputs * elements) {
            throw refuse(node, "its weights are " + values.length + " numbers, not " + outputs + " times those of an image of " + shape);
        }
        float[] result = new float[values.length];
        int area = shape.height() * shape.width();
        for (int i = 0; i < values.length; i++) {
            int pixel = i % elements / shape.channels();
            int channel = i % shape.channels();
            result[i / elements * elements + channel * area + pixel] = values[i];
        }
        return result;
    }

    /** From images with the channels last, as TensorFlow has them, to channels first, or back before a fully connected layer. */
    private void transpose(NodeProto node) {
        List<Long> order = Arrays.stream(OnnxAttributes.integers(node, "perm")).boxed().toList();
        if (channelsLast && order.equals(List.of(0L, 3L, 1L, 2L))) {
            channelsLast = false;
        } else if (!channelsLast && order.equals(List.of(0L, 2L, 3L, 1L))) {
            channelsLast = true;
        } else {
            throw refuse(node, "the order " + order + " is not supported: only that of channels first or last");
        }
    }

    private static float[] transposed(float[] values, int inputs, int outputs) {
        float[] result = new float[values.length];
        for (int i = 0; i < inputs; i++) {
            for (int o = 0; o < outputs; o++) {
                result[o * inputs + i] = values[i * outputs + o];
            }
        }
        return result;
    }

    /**
     * Before the first layer: mean and scale. Right after a matrix product: its biases. A factor after a layer: dropout in the paper's way.
     */
    private void arithmetic(NodeProto node, String value) {
        boolean first = node.getInput(0).equals(value);
        float[] values = operand(node, first ? 1 : 0).floats();
        boolean onlyFirst = node.getOpType().equals("Sub") || node.getOpType().equals("Div");
        if (onlyFirst && !first) {
            throw refuse(node, "a constant less or divided by the value is not supported");
        }
        if (chain.weighted() == 0) {
            if (!pixels.prepare(node.getOpType(), values, channelsLast)) {
                throw refuse(node, "before the first layer Duet knows a mean (of each channel or pixel) and one scale");
            }
        } else if (node.getOpType().equals("Add") && chain.addToBias(values)) {
            return;
        } else if (node.getOpType().equals("Mul") && values.length == 1 && values[0] > 0 && values[0] <= 1) {
            chain.dropout(1 - Double.parseDouble(Float.toString(values[0])), false);
        } else {
            throw refuse(node, "here Duet only knows biases after a matrix product and a factor between 0 and 1");
        }
    }

    private void norm(NodeProto node) {
        long size = OnnxAttributes.integer(node, "size", 0);
        double alpha = OnnxAttributes.real(node, "alpha", 1e-4);
        chain.norm(Math.toIntExact(size), alpha / Math.max(size, 1), OnnxAttributes.real(node, "beta", 0.75),
                OnnxAttributes.real(node, "bias", 1), normGroups);
    }

    private void pool(NodeProto node) {
        boolean max = node.getOpType().equals("MaxPool");
        int window = square(node, "kernel_shape");
        int stride = square(node, "strides", 1, 1);
        Edge edge = edge(node, window, stride);
        if (!max && OnnxAttributes.integer(node, "count_include_pad", 0) != 0
                && Arrays.stream(OnnxAttributes.integers(node, "pads", 0)).anyMatch(pad -> pad > 0)) {
            throw refuse(node, "Duet's average pooling divides by the pixels inside the image (count_include_pad 0)");
        }
        chain.pool(max ? Layer.Pooling.Kind.MAX : Layer.Pooling.Kind.AVERAGE, window, stride, edge.padding(), edge.rounding());
    }

    /** The rate is an attribute until operator set 11, an operand from 12 on. */
    private void dropout(NodeProto node) {
        double rate = node.getInputCount() > 1 && constants.containsKey(node.getInput(1))
                ? Double.parseDouble(Float.toString(operand(node, 1).floats()[0])) : OnnxAttributes.real(node, "ratio", 0.5);
        chain.dropout(rate, true);
    }

    /**
     * To [N][elements], which fully connected layers take anyway; or to [N * groups][channels / groups][height][width] around a
     * normalisation.
     */
    private void reshape(NodeProto node) {
        OnnxTensor target = node.getInputCount() > 1 ? constants.get(node.getInput(1)) : null;
        if (target == null) {
            return; // computed from the batch's size, as view(x.size(0), ...) is: what follows checks the number of elements
        }
        long[] sizes = target.integers();
        Shape shape = chain.shape();
        boolean image = sizes.length == 4 && sizes[2] == shape.height() && sizes[3] == shape.width() && sizes[1] > 0
                && shape.channels() % sizes[1] == 0;
        if (image) {
            normGroups = Math.toIntExact(shape.channels() / sizes[1]);
        } else if (sizes.length != 2 || sizes[1] > 0 && sizes[1] != shape.elements()) {
            throw refuse(node,
                    "sizes " + Arrays.toString(sizes) + " are neither those of a flattened image nor of groups of its channels " + shape);
        }
    }
}
