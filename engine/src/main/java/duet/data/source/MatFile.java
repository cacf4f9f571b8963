package duet.data.source;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Reads structure arrays of numbers and texts from MATLAB's MAT files of level 5 ("MAT-File Format", The MathWorks, chapter 1): what the
 * development kit of ILSVRC needs. The libraries for the format lean on parts of Java that are going away.
 */
final class MatFile {
    private static final int HEADER_BYTES = 128;
    private static final int VERSION = 0x0100;
    private static final int MOST_BYTES = 256 << 20;
    private static final int MOST_STRUCTURES = 100_000;
    /** Types of elements. */
    private static final int INT8 = 1;
    private static final int UINT8 = 2;
    private static final int INT16 = 3;
    private static final int UINT16 = 4;
    private static final int INT32 = 5;
    private static final int UINT32 = 6;
    private static final int SINGLE = 7;
    private static final int DOUBLE = 9;
    private static final int MATRIX = 14;
    private static final int COMPRESSED = 15;
    private static final int UTF8 = 16;
    private static final int UTF16 = 17;
    /** Classes of arrays. */
    private static final int STRUCTURE = 2;
    private static final int TEXT = 4;
    private static final int FIRST_NUMERIC = 6;

    private MatFile() {}

    /** @param data of its own */
    private record Element(int type, ByteBuffer data) {}

    /**
     * The structures of a variable: texts as Strings, numbers (the first of an array) as Doubles; other fields are left out.
     *
     * @throws IllegalArgumentException saying what is wrong
     */
    static List<Map<String, Object>> structures(byte[] bytes, String variable) {
        try {
            if (bytes.length < HEADER_BYTES) {
                throw new IllegalArgumentException("it has " + bytes.length + " bytes");
            }
            ByteBuffer in = ByteBuffer.wrap(bytes).order(bytes[126] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
            if (in.getShort(124) != VERSION || in.getShort(126) != 0x4D49) {
                throw new IllegalArgumentException("it is no MAT file of level 5");
            }
            in.position(HEADER_BYTES);
            while (in.hasRemaining()) {
                List<Map<String, Object>> found = new ArrayList<>();
                if (matrix(inflated(next(in)), variable, found) != null) {
                    return found;
                }
            }
            throw new IllegalArgumentException("it holds no structures " + variable);
        } catch (java.nio.BufferUnderflowException | IndexOutOfBoundsException e) {
            throw new IllegalArgumentException("it ends within a value", e);
        }
    }

    /** A tag of 8 bytes and the data, filled up to 8 bytes; or both in 8 bytes. */
    private static Element next(ByteBuffer in) {
        int tag = in.getInt();
        if (tag >>> 16 != 0) {
            Element small = new Element(tag & 0xFFFF, slice(in, tag >>> 16));
            in.position(in.position() + 4 - (tag >>> 16));
            return small;
        }
        Element element = new Element(tag, slice(in, in.getInt()));
        int padding = tag == COMPRESSED ? 0 : -element.data().limit() & 7;
        in.position(in.position() + Math.min(padding, in.remaining()));
        return element;
    }

    private static ByteBuffer slice(ByteBuffer in, int length) {
        if (length < 0 || length > in.remaining()) {
            throw new IllegalArgumentException("it ends within a value");
        }
        ByteBuffer data = in.slice(in.position(), length).order(in.order());
        in.position(in.position() + length);
        return data;
    }

    private static Element inflated(Element element) {
        if (element.type() != COMPRESSED) {
            return element;
        }
        try (Inflater inflater = new Inflater()) {
            inflater.setInput(element.data());
            byte[] bytes = new byte[1 << 16];
            int length = 0;
            while (!inflater.finished()) {
                int count = inflater.inflate(bytes, length, bytes.length - length);
                length += count;
                if (length == MOST_BYTES || count == 0 && length < bytes.length) {
                    throw new IllegalArgumentException(count == 0 ? "it ends within a compressed value" : "a value is too large");
                }
                bytes = length == bytes.length ? java.util.Arrays.copyOf(bytes, 2 * length) : bytes;
            }
            return next(ByteBuffer.wrap(bytes, 0, length).slice().order(element.data().order()));
        } catch (DataFormatException e) {
            throw new IllegalArgumentException("a compressed value is damaged", e);
        }
    }

    /**
     * @param wanted name of the variable whose structures are added to {@code found}, or null: a field
     * @return the value: the list, a text, a number; null for others
     */
    private static Object matrix(Element element, String wanted, List<Map<String, Object>> found) {
        if (element.type() != MATRIX || !element.data().hasRemaining()) {
            return null;
        }
        ByteBuffer in = element.data();
        int type = next(in).data().getInt() & 0xFF;
        long elements = elements(next(in).data());
        String name = latin(next(in).data());
        if (wanted != null) {
            return type == STRUCTURE && name.equals(wanted) ? structures(in, elements, found) : null;
        }
        if (type == TEXT) {
            return text(next(in));
        }
        return type >= FIRST_NUMERIC && elements > 0 ? number(next(in)) : null;
    }

    private static long elements(ByteBuffer sizes) {
        long elements = 1;
        while (sizes.hasRemaining()) {
            elements *= sizes.getInt();
        }
        return elements;
    }

    private static List<Map<String, Object>> structures(ByteBuffer in, long elements, List<Map<String, Object>> found) {
        int length = next(in).data().getInt();
        ByteBuffer names = next(in).data();
        List<String> fields = new ArrayList<>();
        if (length < 1 || !names.hasRemaining()) {
            throw new IllegalArgumentException("it holds structures without fields");
        }
        while (names.hasRemaining()) {
            fields.add(latin(slice(names, length)).replaceFirst("\0.*", ""));
        }
        if (elements < 0 || elements > MOST_STRUCTURES) {
            throw new IllegalArgumentException("it holds " + elements + " structures, and up to " + MOST_STRUCTURES + " are read");
        }
        for (long i = 0; i < elements; i++) {
            Map<String, Object> structure = new LinkedHashMap<>();
            for (String field : fields) {
                Object value = matrix(next(in), null, null);
                if (value != null) {
                    structure.put(field, value);
                }
            }
            found.add(structure);
        }
        return found;
    }

    private static String latin(ByteBuffer bytes) {
        return StandardCharsets.ISO_8859_1.decode(bytes).toString();
    }

    private static String text(Element element) {
        ByteBuffer data = element.data();
        return switch (element.type()) {
            case UINT16, UTF16 ->
                (data.order() == ByteOrder.LITTLE_ENDIAN ? StandardCharsets.UTF_16LE : StandardCharsets.UTF_16BE).decode(data).toString();
            case UTF8 -> StandardCharsets.UTF_8.decode(data).toString();
            default -> latin(data);
        };
    }

    private static double number(Element element) {
        ByteBuffer data = element.data();
        return switch (element.type()) {
            case INT8 -> data.get();
            case UINT8 -> data.get() & 0xFF;
            case INT16 -> data.getShort();
            case UINT16 -> data.getShort() & 0xFFFF;
            case INT32 -> data.getInt();
            case UINT32 -> data.getInt() & 0xFFFFFFFFL;
            case SINGLE -> data.getFloat();
            case DOUBLE -> data.getDouble();
            default -> throw new IllegalArgumentException("a number is of type " + element.type());
        };
    }
}
