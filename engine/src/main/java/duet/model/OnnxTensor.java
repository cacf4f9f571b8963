package duet.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.model.proto.Onnx.TensorProto;
import duet.model.proto.Onnx.TensorProto.DataLocation;
import duet.model.proto.Onnx.TensorProto.DataType;

/** A constant of an ONNX file. */
record OnnxTensor(Path file, TensorProto proto) {
    List<Integer> sizes() {
        if (proto.getDimsList().stream().anyMatch(size -> size < 0 || size > Integer.MAX_VALUE)) {
            throw damaged("its sizes are " + proto.getDimsList());
        }
        return proto.getDimsList().stream().map(Long::intValue).toList();
    }

    boolean isWhole() {
        return proto.getDataType() == DataType.INT64_VALUE;
    }

    int elements() {
        long product = 1;
        for (int size : sizes()) {
            product *= size;
            if (product > Integer.MAX_VALUE - 8) {
                throw damaged("its sizes are " + proto.getDimsList());
            }
        }
        return (int) product;
    }

    private ModelFileException damaged(String how) {
        return new ModelFileException("%s: %s is damaged: %s".formatted(file, proto.getName(), how));
    }

    /** The elements, which must be of these sizes. */
    float[] floats(List<Integer> wanted) {
        if (!sizes().equals(wanted)) {
            throw new ModelFileException("%s: %s is %s, but must be %s".formatted(file, proto.getName(), sizes(), wanted));
        }
        return floats();
    }

    float[] floats() {
        int count = elements();
        DataType type = DataType.forNumber(proto.getDataType());
        int width = switch (type) {
            case FLOAT -> Float.BYTES;
            case FLOAT16 -> Short.BYTES;
            case DOUBLE -> Double.BYTES;
            case null, default -> throw new ModelFileException(file + ": " + proto.getName() + " has elements of the type "
                    + (type == null ? proto.getDataType() : type) + "; Duet reads float, float16 and double");
        };
        boolean listed = !proto.hasRawData() && proto.getDataLocation() != DataLocation.EXTERNAL;
        ByteBuffer bytes = listed ? null : bytes();
        long found = listed ? listed(type) : bytes.remaining();
        long wanted = listed ? count : (long) width * count;
        if (found != wanted) {
            throw damaged(String.format(Locale.ROOT, "it has %d %s instead of %d", found, listed ? "numbers" : "bytes", wanted));
        }
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = switch (type) {
                case FLOAT -> listed ? proto.getFloatData(i) : bytes.getFloat();
                case FLOAT16 -> Float.float16ToFloat(listed ? (short) proto.getInt32Data(i) : bytes.getShort());
                default -> (float) (listed ? proto.getDoubleData(i) : bytes.getDouble());
            };
        }
        return values;
    }

    private int listed(DataType type) {
        return switch (type) {
            case FLOAT -> proto.getFloatDataCount();
            case FLOAT16 -> proto.getInt32DataCount();
            default -> proto.getDoubleDataCount();
        };
    }

    private ByteBuffer bytes() {
        ByteBuffer bytes = proto.getDataLocation() == DataLocation.EXTERNAL ? external() : proto.getRawData().asReadOnlyByteBuffer();
        return bytes.order(ByteOrder.LITTLE_ENDIAN);
    }

    /** Weights beside the model, as PyTorch writes them: in a file of the same folder, or below it. */
    private ByteBuffer external() {
        Map<String, String> place = new HashMap<>();
        proto.getExternalDataList().forEach(entry -> place.put(entry.getKey(), entry.getValue()));
        Path folder = file.toAbsolutePath().getParent();
        Path location = folder.resolve(place.getOrDefault("location", "")).normalize();
        if (!location.startsWith(folder) || location.equals(folder)) {
            throw damaged("its numbers are said to be in \"" + place.get("location") + "\", outside of the model's folder");
        }
        try (FileChannel channel = FileChannel.open(location)) {
            long offset = Long.parseLong(place.getOrDefault("offset", "0"));
            long length = Long.parseLong(place.getOrDefault("length", Long.toString(channel.size() - offset)));
            if (offset < 0 || length < 0 || length > Integer.MAX_VALUE - 8 || offset > channel.size() - length) {
                throw damaged("its numbers lie outside of " + location + " (" + channel.size() + " bytes)");
            }
            ByteBuffer bytes = ByteBuffer.allocate((int) length);
            int read = 0;
            while (bytes.hasRemaining() && read >= 0) {
                read = channel.read(bytes, offset + bytes.position());
            }
            return bytes.flip();
        } catch (NumberFormatException e) {
            throw damaged("offset or length is no number");
        } catch (IOException e) {
            throw new ModelFileException("%s: the numbers of %s lie in %s, which cannot be read; keep the two files side by side".formatted(
                    file, proto.getName(), location), e);
        }
    }

    long[] integers() {
        if (proto.getDataType() != DataType.INT64_VALUE) {
            throw new ModelFileException(file + ": " + proto.getName() + " must hold whole numbers of 64 bits");
        }
        int count = elements();
        ByteBuffer bytes = proto.hasRawData() ? bytes() : null;
        long found = bytes == null ? proto.getInt64DataCount() : bytes.remaining() / (double) Long.BYTES == count ? count : -1;
        if (found != count) {
            throw damaged("it does not have " + count + " numbers");
        }
        long[] values = new long[count];
        Arrays.setAll(values, i -> bytes == null ? proto.getInt64Data(i) : bytes.getLong());
        return values;
    }
}
