package duet.model;

import java.util.Arrays;
import java.util.List;
import java.util.Map;

import duet.model.proto.Onnx.NodeProto;
import duet.net.Shape;

/** Nodes that only move numbers about, and weights whose numbers lie in another order. */
record OnnxForms(Map<String, OnnxTensor> constants) {
    OnnxFlow form(NodeProto node, OnnxFlow in) {
        return switch (node.getOpType()) {
            case "Transpose" -> transpose(node, in);
            case "Pad" -> pad(node, in);
            case "Unsqueeze" -> unsqueeze(node, in);
            default -> reshape(node, in);
        };
    }

    private OnnxTensor operand(NodeProto node, int index) {
        return OnnxAttributes.operand(node, index, constants);
    }

    /** Of a fully connected layer: [outputs][inputs], with the inputs as [channels][height][width]. */
    static float[] weights(OnnxFlow in, OnnxTensor weight, boolean outputsFirst) {
        List<Integer> sizes = weight.sizes();
        if (sizes.size() != 2) {
            throw new OnnxRefusal("its weights are " + sizes + ", but must have two sizes");
        }
        float[] values = outputsFirst ? weight.floats() : transposed(weight.floats(), sizes.get(0), sizes.get(1));
        return in.channelsLast() ? channelsFirst(in.shape(), values, sizes.get(outputsFirst ? 0 : 1)) : values;
    }

    /** Weights of [outputs][height][width][channels] as [outputs][channels][height][width]. */
    private static float[] channelsFirst(Shape shape, float[] values, int outputs) {
        int elements = Math.toIntExact(shape.elements());
        if (values.length != (long) outputs * elements) {
            throw new OnnxRefusal(
                    "its weights are " + values.length + " numbers, not " + outputs + " times those of an image of " + shape);
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

    private static float[] transposed(float[] values, int inputs, int outputs) {
        float[] result = new float[values.length];
        for (int i = 0; i < inputs; i++) {
            for (int o = 0; o < outputs; o++) {
                result[o * inputs + i] = values[i * outputs + o];
            }
        }
        return result;
    }

    /** From images with the channels last, as TensorFlow has them, to channels first, or back before a fully connected layer. */
    private static OnnxFlow transpose(NodeProto node, OnnxFlow in) {
        List<Long> order = Arrays.stream(OnnxAttributes.integers(node, "perm")).boxed().toList();
        if (order.equals(in.channelsLast() ? List.of(0L, 3L, 1L, 2L) : List.of(0L, 2L, 3L, 1L))) {
            return in.withChannelsLast(!in.channelsLast());
        }
        throw new OnnxRefusal("the order " + order + " is not supported: only that of channels first or last");
    }

    /** [N][channels] as maps of one pixel. The axes are an attribute until operator set 12, an operand from 13 on. */
    private OnnxFlow unsqueeze(NodeProto node, OnnxFlow in) {
        long[] axes = node.getInputCount() > 1 ? operand(node, 1).integers() : OnnxAttributes.integers(node, "axes");
        boolean pixel = in.shape().height() == 1 && in.shape().width() == 1;
        if (!in.flat() || !pixel || !isHeightAndWidth(axes)) {
            throw new OnnxRefusal("axes " + Arrays.toString(axes) + " are supported only where maps of one pixel come of it");
        }
        return in.map();
    }

    static boolean isHeightAndWidth(long[] axes) {
        return Arrays.stream(axes).map(axis -> axis < 0 ? axis + 4 : axis).sorted().boxed().toList().equals(List.of(2L, 3L));
    }

    /** PyTorch writes one that adds nothing. The pixels are an attribute until operator set 10, an operand from 11 on. */
    private OnnxFlow pad(NodeProto node, OnnxFlow in) {
        long[] pads = node.getInputCount() > 1 ? operand(node, 1).integers() : OnnxAttributes.integers(node, "pads");
        if (Arrays.stream(pads).anyMatch(pad -> pad != 0)) {
            throw new OnnxRefusal("pads of " + Arrays.toString(pads) + " are supported only as those of a convolution or of pooling");
        }
        return in;
    }

    /**
     * To [N][elements], which fully connected layers take anyway; or to [N * groups][channels / groups][height][width] around a
     * normalisation.
     */
    private OnnxFlow reshape(NodeProto node, OnnxFlow in) {
        OnnxTensor target = node.getInputCount() > 1 ? constants.get(node.getInput(1)) : null;
        if (target == null) {
            return in.flattened(); // computed from the batch's size, as view(x.size(0), ...) is: what follows checks the number of elements
        }
        long[] sizes = target.integers();
        Shape shape = in.shape();
        boolean image = sizes.length == 4 && sizes[2] == shape.height() && sizes[3] == shape.width() && sizes[1] > 0
                && shape.channels() % sizes[1] == 0;
        if (image) {
            return in.map().withGroups(Math.toIntExact(shape.channels() / sizes[1]));
        }
        if (sizes.length != 2 || sizes[1] > 0 && sizes[1] != shape.elements()) {
            throw new OnnxRefusal(
                    "sizes " + Arrays.toString(sizes) + " are neither those of a flattened image nor of groups of its channels " + shape);
        }
        return in.flattened();
    }
}
