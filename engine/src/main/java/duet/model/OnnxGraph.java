package duet.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.LongStream;

import com.google.protobuf.UnsafeByteOperations;
import duet.model.proto.Onnx;
import duet.model.proto.Onnx.AttributeProto;
import duet.model.proto.Onnx.AttributeProto.AttributeType;
import duet.net.Shape;

/** A graph of ONNX while it is built: nodes in order, named by their only result, and constant tensors. */
final class OnnxGraph {
    private final Onnx.GraphProto.Builder graph = Onnx.GraphProto.newBuilder();
    private final Set<String> flat = new HashSet<>();

    Onnx.GraphProto.Builder builder() {
        return graph;
    }

    /** Returns the name of the result. */
    String node(String type, String result, String... inputs) {
        return node(type, result, List.of(inputs));
    }

    String node(String type, String result, List<String> inputs, AttributeProto... attributes) {
        graph.addNode(Onnx.NodeProto.newBuilder().setOpType(type).setName(result).addAllInput(inputs).addOutput(result)
                .addAllAttribute(Arrays.asList(attributes)));
        if (inputs.stream().anyMatch(this::isFlat)) {
            flat.add(result); // elementwise ones keep the form, and no other takes a flat value
        }
        return result;
    }

    /** Notes that a value has the form [N][elements]. */
    String flat(String value) {
        flat.add(value);
        return value;
    }

    /** A value with height and width: [N][elements] becomes [N][elements][1][1]. */
    String map(String layer, String value) {
        if (!flat.contains(value)) {
            return value;
        }
        String name = layer + "." + value;
        node("Unsqueeze", name, value, vector(name + ".axes", 2, 3));
        flat.remove(name);
        return name;
    }

    boolean isFlat(String value) {
        return flat.contains(value);
    }

    String floats(String name, float[] values, long... sizes) {
        ByteBuffer bytes = ByteBuffer.allocate(Math.multiplyExact(values.length, Float.BYTES)).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(values);
        graph.addInitializer(Onnx.TensorProto.newBuilder().setName(name).setDataType(Onnx.TensorProto.DataType.FLOAT_VALUE)
                .addAllDims(LongStream.of(sizes).boxed().toList()).setRawData(UnsafeByteOperations.unsafeWrap(bytes)));
        return name;
    }

    String scalar(String name, double value) {
        return floats(name, new float[] {(float) value});
    }

    String vector(String name, long... values) {
        graph.addInitializer(Onnx.TensorProto.newBuilder().setName(name).setDataType(Onnx.TensorProto.DataType.INT64_VALUE)
                .addDims(values.length).addAllInt64Data(LongStream.of(values).boxed().toList()));
        return name;
    }

    static AttributeProto integer(String name, long value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.INT).setI(value).build();
    }

    static AttributeProto integers(String name, long... values) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.INTS).addAllInts(LongStream.of(values).boxed().toList())
                .build();
    }

    static AttributeProto real(String name, double value) {
        return AttributeProto.newBuilder().setName(name).setType(AttributeType.FLOAT).setF((float) value).build();
    }

    /** Any number N of images; [N][channels] where the height is 0. */
    static Onnx.ValueInfoProto images(String name, Shape shape, String description) {
        Onnx.TensorShapeProto.Builder sizes = Onnx.TensorShapeProto.newBuilder()
                .addDim(Onnx.TensorShapeProto.Dimension.newBuilder().setDimParam("N"));
        int[] all = shape.height() == 0 ? new int[] {shape.channels()} : new int[] {shape.channels(), shape.height(), shape.width()};
        for (int size : all) {
            sizes.addDim(Onnx.TensorShapeProto.Dimension.newBuilder().setDimValue(size));
        }
        return Onnx.ValueInfoProto.newBuilder().setName(name).setDocString(description).setType(Onnx.TypeProto.newBuilder().setTensorType(
                Onnx.TypeProto.Tensor.newBuilder().setElemType(Onnx.TensorProto.DataType.FLOAT_VALUE).setShape(sizes))).build();
    }
}
