package duet.model;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

import duet.device.Operation.Activation;
import duet.model.proto.Onnx.NodeProto;
import duet.net.Layer;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/** What each kind of ONNX node is in Duet. Refuses with an {@link OnnxRefusal}. */
final class OnnxLayers {
    static final Set<String> WITH_WEIGHTS = Set.of("Conv", "Gemm", "MatMul");
    /** Nodes to which it is all one where the channels lie, or that see to it. */
    private static final Set<String> ANYWHERE = Set.of("Transpose", "Relu", "Tanh", "Dropout", "Identity", "Cast", "Flatten", "Reshape",
            "Squeeze", "MatMul", "Gemm", "Add", "Sub", "Mul", "Div", "Sum");

    private static final Set<String> BEHIND_SOFTMAX = Set.of("Identity", "Cast", "Flatten", "Reshape", "Squeeze");

    private final ImportedLayers layers;
    private final Map<String, OnnxTensor> constants;
    private final Map<String, NodeProto> producers;
    private final Predicate<String> hasOneUser;
    private final OnnxPixels pixels;
    private final OnnxForms forms;

    /**
     * @param producers  nodes by what they make
     * @param hasOneUser whether only one node takes a value, which may then be changed where it is made
     */
    OnnxLayers(ImportedLayers layers, Map<String, OnnxTensor> constants, Map<String, NodeProto> producers, Predicate<String> hasOneUser) {
        this.layers = layers;
        this.constants = constants;
        this.producers = producers;
        this.hasOneUser = hasOneUser;
        this.pixels = new OnnxPixels(layers.input());
        this.forms = new OnnxForms(constants);
    }

    /** What is done to the pixels before the first layer. */
    OnnxPixels pixels() {
        return pixels;
    }

    /** @param inputs those of the node's operands that are computed */
    OnnxFlow layer(NodeProto node, List<OnnxFlow> inputs) {
        OnnxFlow in = inputs.getFirst();
        if (inputs.stream().anyMatch(OnnxFlow::channelsLast) && !ANYWHERE.contains(node.getOpType())) {
            throw new OnnxRefusal("channels come last here, which Duet knows around elementwise nodes and fully connected layers alone");
        }
        if (inputs.stream().anyMatch(each -> each.groups() > 1) && !node.getOpType().equals("LRN")
                && !node.getOpType().equals("Reshape")) {
            throw new OnnxRefusal("groups of channels lie in the batch here, which Duet knows around LRN alone");
        }
        if (inputs.stream().anyMatch(OnnxFlow::softmax) && !BEHIND_SOFTMAX.contains(node.getOpType())) {
            throw new OnnxRefusal("it takes what a softmax makes, but in Duet a softmax ends the network");
        }
        return switch (node.getOpType()) {
            case "Conv" -> convolution(node, in);
            case "Gemm" -> gemm(node, in);
            case "MatMul" -> product(node, in);
            case "BatchNormalization" -> batchNorm(node, in);
            case "Add", "Sub", "Mul", "Div" -> inputs.size() > 1 ? combined(node, inputs) : arithmetic(node, in);
            case "Sum" -> sum(node, inputs);
            case "Concat" -> concatenation(node, inputs);
            case "Relu" -> in.to(layers.nonlinearity(in.value(), Activation.RELU));
            case "Tanh" -> in.to(layers.nonlinearity(in.value(), Activation.TANH));
            case "LRN" -> norm(node, in);
            case "MaxPool", "AveragePool" -> pool(node, in);
            case "GlobalAveragePool" -> whole(in);
            case "ReduceMean" -> mean(node, in);
            case "Dropout" -> dropout(node, in);
            case "Flatten", "Squeeze" -> in.flattened();
            case "Unsqueeze", "Reshape", "Transpose", "Pad" -> forms.form(node, in);
            case "Identity", "Cast" -> in;
            case "Softmax", "LogSoftmax" -> in.ended();
            case "Gather", "Slice", "Split" -> throw new OnnxRefusal("Duet does not take values apart; a GoogLeNet of torchvision is read "
                    + "when it is exported with transform_input = False, with --mean 127.5,127.5,127.5 --std 127.5,127.5,127.5");
            default -> throw new OnnxRefusal("Duet has no such layer; it reads Conv, Gemm, MatMul, BatchNormalization behind them, Relu, "
                    + "Tanh, LRN, MaxPool, AveragePool, GlobalAveragePool, ReduceMean, Concat, Add, Sum, Dropout, Flatten and Softmax");
        };
    }

    private OnnxTensor operand(NodeProto node, int index) {
        return OnnxAttributes.operand(node, index, constants);
    }

    private OnnxFlow convolution(NodeProto node, OnnxFlow in) {
        OnnxTensor weight = operand(node, 1);
        List<Integer> sizes = weight.sizes();
        if (sizes.size() != 4 || !sizes.get(2).equals(sizes.get(3))) {
            throw new OnnxRefusal("its weights are " + sizes + ", but Duet's kernels are square");
        }
        OnnxWindow windows = OnnxWindow.of(node, sizes.get(2), in.shape());
        return in.to(layers.convolution(in.value(), sizes.getFirst(), windows.window(),
                Math.toIntExact(OnnxAttributes.integer(node, "group", 1)), windows.rounding(), weight.floats(),
                node.getInputCount() > 2 ? operand(node, 2).floats() : null));
    }

    private OnnxFlow gemm(NodeProto node, OnnxFlow in) {
        if (OnnxAttributes.integer(node, "transA", 0) != 0 || OnnxAttributes.real(node, "alpha", 1) != 1
                || OnnxAttributes.real(node, "beta", 1) != 1) {
            throw new OnnxRefusal("only alpha 1, beta 1 and transA 0 are supported");
        }
        return fullyConnected(in, operand(node, 1), OnnxAttributes.integer(node, "transB", 0) != 0,
                node.getInputCount() > 2 ? operand(node, 2).floats() : null);
    }

    private OnnxFlow product(NodeProto node, OnnxFlow in) {
        NodeProto producer = node.getInputCount() > 1 ? producers.get(node.getInput(1)) : null;
        boolean turned = producer != null && producer.getOpType().equals("Transpose") && constants.containsKey(producer.getInput(0))
                && Arrays.equals(OnnxAttributes.integers(producer, "perm", 1, 0), new long[] {1, 0});
        return fullyConnected(in, turned ? operand(producer, 0) : operand(node, 1), turned, null);
    }

    private OnnxFlow fullyConnected(OnnxFlow in, OnnxTensor weight, boolean outputsFirst, float[] bias) {
        float[] values = OnnxForms.weights(in, weight, outputsFirst);
        int outputs = weight.sizes().get(outputsFirst ? 0 : 1);
        // A product without a bias may have it in the sum that follows, so it always gets one here.
        return in.to(layers.fullyConnected(in.value(), outputs, values, bias == null ? new float[outputs] : bias)).withChannelsLast(false)
                .flattened();
    }

    /** As it is in evaluation: a factor and a summand of each channel, which the layer before takes into its weights. */
    private OnnxFlow batchNorm(NodeProto node, OnnxFlow in) {
        if (OnnxAttributes.integer(node, "training_mode", 0) != 0) {
            throw new OnnxRefusal("it computes statistics of a batch (training_mode); export the model for inference");
        }
        BatchNorm norm = new BatchNorm(operand(node, 1).floats(), operand(node, 2).floats(), operand(node, 3).floats(),
                operand(node, 4).floats(), OnnxAttributes.real(node, "epsilon", 1e-5));
        if (!norm.fits() || !hasOneUser.test(node.getInput(0)) || !layers.fold(in.value(), norm.factors(), norm.summands())) {
            throw new OnnxRefusal("batch normalisation is read right behind a convolution or a fully connected layer that nothing else "
                    + "takes values of, where it becomes part of the weights; Duet has no layer for it elsewhere");
        }
        return in;
    }

    private OnnxFlow sum(NodeProto node, List<OnnxFlow> inputs) {
        if (node.getInputCount() == 1) {
            return inputs.getFirst();
        }
        if (inputs.size() == 1 && node.getInputCount() == 2) {
            return arithmetic(node, inputs.getFirst());
        }
        if (inputs.size() < node.getInputCount()) {
            throw new OnnxRefusal("it adds computed values and constants at once, which Duet does not");
        }
        return combined(node, inputs);
    }

    /** Of values that are all computed. */
    private OnnxFlow combined(NodeProto node, List<OnnxFlow> inputs) {
        if (!node.getOpType().equals("Add") && !node.getOpType().equals("Sum")) {
            throw new OnnxRefusal("of several computed values Duet knows only the sum");
        }
        OnnxFlow first = inputs.getFirst();
        for (OnnxFlow other : inputs) {
            if (other.channelsLast() != first.channelsLast() || other.flat() != first.flat()
                    || !other.shape().equals(first.shape())) {
                throw new OnnxRefusal("it adds values of different sizes or orders, " + first.shape() + " and " + other.shape()
                        + "; Duet adds values of one size");
            }
        }
        return first.to(layers.addition(inputs.stream().map(OnnxFlow::value).toList()));
    }

    private OnnxFlow concatenation(NodeProto node, List<OnnxFlow> inputs) {
        OnnxFlow first = inputs.getFirst();
        if (inputs.size() < node.getInputCount() || inputs.stream().anyMatch(each -> each.flat() != first.flat())) {
            throw new OnnxRefusal("it joins computed values with constants, or flat ones with maps, which Duet does not");
        }
        long axis = OnnxAttributes.integer(node, "axis", 1);
        if (axis != 1 && axis != (first.flat() ? -1 : -3)) {
            throw new OnnxRefusal("it joins along axis " + axis + ", but Duet joins channels (axis 1)");
        }
        return inputs.size() == 1 ? first : first.to(layers.concatenation(inputs.stream().map(OnnxFlow::value).toList()));
    }

    /**
     * With a constant. Before the first layer: mean and scale. Right after a layer with weights: a part of them. A factor elsewhere:
     * dropout in the paper's way.
     */
    private OnnxFlow arithmetic(NodeProto node, OnnxFlow in) {
        boolean first = !constants.containsKey(node.getInput(0));
        OnnxTensor constant = operand(node, first ? 1 : 0);
        float[] values = constant.floats();
        String type = node.getOpType();
        if ((type.equals("Sub") || type.equals("Div")) && !first) {
            throw new OnnxRefusal("a constant less or divided by the value is not supported");
        }
        if (in.value().isImage()) {
            if (layers.weighted() > 0 || !hasOneUser.test(node.getInput(first ? 0 : 1))
                    || !pixels.prepare(type.equals("Sum") ? "Add" : type, values, in.channelsLast())) {
                throw new OnnxRefusal("before the first layer Duet knows a mean (of each channel or pixel) and one scale");
            }
            return in;
        }
        boolean sum = type.equals("Add") || type.equals("Sum");
        if ((sum || type.equals("Mul")) && isOfChannels(constant, in) && hasOneUser.test(node.getInput(first ? 0 : 1))
                && layers.fold(in.value(), sum ? null : values, sum ? values : null)) {
            return in;
        }
        if (type.equals("Mul") && values.length == 1 && values[0] > 0 && values[0] <= 1) {
            return in.to(layers.dropout(in.value(), 1 - Double.parseDouble(Float.toString(values[0])), false));
        }
        throw new OnnxRefusal("here Duet only knows biases after a matrix product or a convolution and a factor between 0 and 1");
    }

    /** Whether a constant has a number for each channel where the value has its channels. */
    private static boolean isOfChannels(OnnxTensor constant, OnnxFlow in) {
        List<Integer> sizes = constant.sizes();
        int behind = in.flat() ? 0 : 2;
        int place = sizes.size() - 1 - behind;
        return place >= 0 && constant.elements() == sizes.get(place) && sizes.get(place) > 1;
    }

    /** Taken apart by an exporter. */
    OnnxFlow norm(OnnxNorm norm, OnnxFlow in) {
        return in.to(layers.norm(in.value(), norm.size(), norm.alpha(), norm.beta(), norm.k(), in.groups()));
    }

    private OnnxFlow norm(NodeProto node, OnnxFlow in) {
        long size = OnnxAttributes.integer(node, "size", 0);
        double alpha = OnnxAttributes.real(node, "alpha", 1e-4);
        return in.to(layers.norm(in.value(), Math.toIntExact(size), alpha / Math.max(size, 1), OnnxAttributes.real(node, "beta", 0.75),
                OnnxAttributes.real(node, "bias", 1), in.groups()));
    }

    private OnnxFlow pool(NodeProto node, OnnxFlow in) {
        boolean max = node.getOpType().equals("MaxPool");
        OnnxWindow windows = OnnxWindow.of(node, 0, in.shape());
        if (!max && OnnxAttributes.integer(node, "count_include_pad", 0) != 0
                && Arrays.stream(OnnxAttributes.integers(node, "pads", 0)).anyMatch(pad -> pad > 0)) {
            throw new OnnxRefusal("Duet's average pooling divides by the pixels inside the image (count_include_pad 0)");
        }
        return in.to(layers.pool(in.value(), max ? Layer.Pooling.Kind.MAX : Layer.Pooling.Kind.AVERAGE, windows.window(),
                windows.rounding()));
    }

    /** The mean of each map. */
    private OnnxFlow whole(OnnxFlow in) {
        if (in.shape().height() != in.shape().width()) {
            throw new OnnxRefusal("it averages over maps of " + in.shape() + ", but Duet's windows are square");
        }
        return in.to(layers.pool(in.value(), Layer.Pooling.Kind.AVERAGE, new Window(in.shape().height(), 1, 0), Rounding.FLOOR));
    }

    /** The axes are an attribute until operator set 17, an operand from 18 on. */
    private OnnxFlow mean(NodeProto node, OnnxFlow in) {
        long[] axes = node.getInputCount() > 1 ? operand(node, 1).integers() : OnnxAttributes.integers(node, "axes");
        if (!OnnxForms.isHeightAndWidth(axes) || in.flat()) {
            throw new OnnxRefusal("it averages along the axes " + Arrays.toString(axes) + ", but Duet only over height and width");
        }
        OnnxFlow averaged = whole(in);
        return OnnxAttributes.integer(node, "keepdims", 1) == 0 ? averaged.flattened() : averaged;
    }

    /** The rate is an attribute until operator set 11, an operand from 12 on. */
    private OnnxFlow dropout(NodeProto node, OnnxFlow in) {
        double rate = node.getInputCount() > 1 && constants.containsKey(node.getInput(1))
                ? Double.parseDouble(Float.toString(operand(node, 1).floats()[0])) : OnnxAttributes.real(node, "ratio", 0.5);
        return in.to(layers.dropout(in.value(), rate, true));
    }
}
