package duet.model;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

import duet.model.proto.Onnx.TensorProto;
import duet.model.proto.Onnx.TensorProto.DataLocation;
import duet.model.proto.Onnx.TensorProto.DataType;

/** A constant of an ONNX file. */
record OnnxTensor(Path file, TensorProto proto) {
    List<Integer> sizes() {
        return proto.getDimsList().stream().map(Math::toIntExact).toList();
    }

    int elements() {
        return sizes().stream().reduce(1, Math::multiplyExact);
    }

    /** The elements, which must be of these sizes. */
    float[] floats(List<Integer> wanted) {
        if (!sizes().equals(wanted)) {
            throw new ModelFileException("%s: %s is %s, but must be %s".formatted(file, proto.getName(), sizes(), wanted));
        }
        return floats();
    }

    float[] floats() {
        if (proto.getDataLocation() == DataLocation.EXTERNAL) {
            throw new ModelFileException(file + ": " + proto.getName() + " lies in a file of its own; save the model with its weights inside");
        }
        float[] values = new float[elements()];
        DataType type = DataType.forNumber(proto.getDataType());
        if (type == DataType.FLOAT && !proto.hasRawData()) {
            require(proto.getFloatDataCount(), values.length);
            for (int i = 0; i < values.length; i++) {
                values[i] = proto.getFloatData(i);
            }
            return values;
        }
        ByteBuffer raw = proto.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        switch (type) {
            case FLOAT -> {
                require(raw.remaining(), 4L * values.length);
                raw.asFloatBuffer().get(values);
            }
            case FLOAT16 -> {
                require(raw.remaining(), 2L * values.length);
                for (int i = 0; i < values.length; i++) {
                    values[i] = Float.float16ToFloat(raw.getShort());
                }
            }
            case DOUBLE -> {
                require(raw.remaining(), 8L * values.length);
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) raw.getDouble();
                }
            }
            case null, default -> throw new ModelFileException(file + ": " + proto.getName() + " has elements of the type "
                    + (type == null ? proto.getDataType() : type) + "; Duet reads float, float16 and double");
        }
        return values;
    }

    long[] integers() {
        if (proto.getDataType() != DataType.INT64_VALUE) {
            throw new ModelFileException(file + ": " + proto.getName() + " must hold whole numbers of 64 bits");
        }
        long[] values = new long[elements()];
        if (proto.hasRawData()) {
            require(proto.getRawData().size(), 8L * values.length);
            proto.getRawData().asReadOnlyByteBuffer().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(values);
        } else {
            require(proto.getInt64DataCount(), values.length);
            Arrays.setAll(values, proto::getInt64Data);
        }
        return values;
    }

    private void require(long found, long wanted) {
        if (found != wanted) {
            throw new ModelFileException("%s: %s is damaged: it has %d bytes or numbers instead of %d".formatted(file, proto.getName(), found, wanted));
        }
    }
}
