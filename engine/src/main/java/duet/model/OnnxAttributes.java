package duet.model;

import java.util.Map;

import duet.model.proto.Onnx.AttributeProto;
import duet.model.proto.Onnx.NodeProto;

/** Attributes of ONNX nodes, or what they are where a node does not have them; and their constant operands. */
final class OnnxAttributes {
    private OnnxAttributes() {}

    static OnnxTensor operand(NodeProto node, int index, Map<String, OnnxTensor> constants) {
        OnnxTensor tensor = index < node.getInputCount() ? constants.get(node.getInput(index)) : null;
        if (tensor == null) {
            throw new OnnxRefusal("its operand " + index + " is no constant of the file");
        }
        return tensor;
    }

    static String text(NodeProto node, String name, String otherwise) {
        return node.getAttributeList().stream().filter(attribute -> attribute.getName().equals(name)).findFirst()
                .map(attribute -> attribute.getS().toStringUtf8()).orElse(otherwise);
    }

    static long integer(NodeProto node, String name, long otherwise) {
        return node.getAttributeList().stream().filter(attribute -> attribute.getName().equals(name)).findFirst()
                .map(AttributeProto::getI).orElse(otherwise);
    }

    static double real(NodeProto node, String name, double otherwise) {
        return node.getAttributeList().stream().filter(attribute -> attribute.getName().equals(name)).findFirst()
                .map(attribute -> Double.parseDouble(Float.toString(attribute.getF()))).orElse(otherwise);
    }

    static long[] integers(NodeProto node, String name, long... otherwise) {
        return node.getAttributeList().stream().filter(attribute -> attribute.getName().equals(name)).findFirst()
                .map(attribute -> attribute.getIntsList().stream().mapToLong(Long::longValue).toArray()).orElse(otherwise);
    }
}
