package duet.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.zip.CRC32C;

/**
 * The safetensors format: 8 bytes length of the header (little-endian), the header as JSON (for each tensor its element type, shape
 * and place; {@code __metadata__} with strings), then the data without a gap, little-endian. The header is padded with spaces so
 * that the data lie at a multiple of 8 bytes, as the reference implementation does.
 *
 * <p>Opening a file checks all of its header ({@link SafetensorsHeader}); data are then read tensor by tensor through a small
 * buffer, so that no second copy of them is ever in memory. Faults are {@link SafetensorsException}s.
 */
public final class Safetensors implements AutoCloseable {
    /** Metadata entry of our own: CRC-32C of each tensor's bytes, 8 hexadecimal digits, as a JSON object; reading compares them. */
    public static final String CHECKSUMS = "crc32c";
    static final int BUFFER_BYTES = 1 << 20;

    private final Path file;
    private final FileChannel channel;
    private final SafetensorsHeader header;

    private Safetensors(Path file, FileChannel channel, SafetensorsHeader header) {
        this.file = file;
        this.channel = channel;
        this.header = header;
    }

    /** How the elements of a tensor are stored, by the format's own names. */
    @SuppressWarnings("doclint:missing") // of names that are the format's
    public enum Type {
        BOOL(1), U8(1), I8(1), F8_E4M3(1), F8_E5M2(1), U16(2), I16(2), F16(2), BF16(2), U32(4), I32(4), F32(4), U64(8), I64(8), F64(8);

        private final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }

        /** {@return the bytes of one element} */
        public int bytes() {
            return bytes;
        }
    }

    /**
     * One tensor of a file.
     *
     * @param name  unique in the file
     * @param type  of its elements
     * @param shape sizes, last fastest
     * @param begin offset of its first byte, counted from the end of the header
     * @param end   offset after its last byte
     */
    public record Entry(String name, Type type, List<Long> shape, long begin, long end) {
        /** Copies the shape. */
        public Entry {
            shape = List.copyOf(shape);
        }

        /** {@return how many elements it has} */
        public long elements() {
            return (end - begin) / type.bytes();
        }
    }

    /**
     * A tensor to be written.
     *
     * @param name    unique in the file
     * @param type    F32 or I64
     * @param shape   sizes, last fastest
     * @param content asked for once, when its turn comes, so that not all need to be in memory together
     */
    public record Block(String name, Type type, List<Integer> shape, Content content) {
        /** Throws an {@link IllegalArgumentException} for other types than F32 and I64. */
        public Block {
            shape = List.copyOf(shape);
            if (type != Type.F32 && type != Type.I64) {
                throw new IllegalArgumentException("tensor " + name + ": F32 and I64 are written, not " + type);
            }
        }

        /**
         * A tensor of floats that are all there at once.
         *
         * @param name   unique in the file
         * @param shape  sizes, last fastest
         * @param values asked for once, when its turn comes
         */
        public Block(String name, List<Integer> shape, Supplier<float[]> values) {
            this(name, Type.F32, shape, sink -> sink.floats(values.get()));
        }

        long elements() {
            return shape.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
        }
    }

    /** Hands over the elements of a tensor, in as many pieces as it likes. */
    @FunctionalInterface
    public interface Content {
        /**
         * Hands over all elements, in order.
         *
         * @param sink takes them
         * @throws IOException from the sink
         */
        void writeTo(Sink sink) throws IOException;
    }

    /** Takes the elements of a tensor in order; those of its type only. */
    public interface Sink {
        /**
         * Takes the next elements of an F32 tensor.
         *
         * @param values free to be changed afterwards
         * @throws IOException if the file cannot be written
         */
        void floats(float[] values) throws IOException;

        /**
         * Takes the next elements of an I64 tensor.
         *
         * @param values free to be changed afterwards
         * @throws IOException if the file cannot be written
         */
        void longs(long[] values) throws IOException;
    }

    /**
     * Opens a file and checks its header against the file's size.
     *
     * @param file a safetensors file
     * @return the file; close it
     * @throws IOException if it cannot be read
     * @throws SafetensorsException if its header is damaged or claims more than there is
     */
    public static Safetensors open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        try {
            return new Safetensors(file, channel, SafetensorsHeader.read(file, channel));
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
    }

    /** {@return the strings of {@code __metadata__}} */
    public Map<String, String> metadata() {
        return header.metadata();
    }

    /** {@return the tensors by name, in the order of their data} */
    public Map<String, Entry> entries() {
        return header.entries();
    }

    /**
     * {@return the elements of an F32, F16, BF16 or F64 tensor as floats (F64 is rounded), in the order of the file: last size fastest}
     *
     * @param name of the tensor
     * @throws IOException if the file cannot be read
     */
    public float[] floats(String name) throws IOException {
        Entry entry = entry(name);
        float[] values = new float[length(entry)];
        switch (entry.type()) {
            case F32 -> read(entry, (buffer, at) -> {
                int count = buffer.remaining() / 4;
                buffer.asFloatBuffer().get(values, at, count);
                return count;
            });
            case F16 -> read(entry, (buffer, at) -> {
                values[at] = Float.float16ToFloat(buffer.getShort());
                return 1;
            });
            case BF16 -> read(entry, (buffer, at) -> {
                values[at] = Float.intBitsToFloat(buffer.getShort() << 16);
                return 1;
            });
            case F64 -> read(entry, (buffer, at) -> {
                values[at] = (float) buffer.getDouble();
                return 1;
            });
            default -> throw new SafetensorsException(
                    file + ": tensor " + name + " is " + entry.type() + ", where F32, F16, BF16 or F64 is needed");
        }
        return values;
    }

    /**
     * {@return the elements of an I64 tensor}
     *
     * @param name of the tensor
     * @throws IOException if the file cannot be read
     */
    public long[] longs(String name) throws IOException {
        Entry entry = entry(name);
        if (entry.type() != Type.I64) {
            throw new SafetensorsException(file + ": tensor " + name + " is " + entry.type() + ", where I64 is needed");
        }
        long[] values = new long[length(entry)];
        read(entry, (buffer, at) -> {
            values[at] = buffer.getLong();
            return 1;
        });
        return values;
    }

    private Entry entry(String name) {
        return Optional.ofNullable(header.entries().get(name))
                .orElseThrow(() -> new SafetensorsException(file + ": there is no tensor " + name));
    }

    private int length(Entry entry) {
        if (entry.elements() > Integer.MAX_VALUE - 8) {
            throw new SafetensorsException(
                    file + ": tensor " + entry.name() + " has " + entry.elements() + " elements, more than a Java array holds");
        }
        return (int) entry.elements();
    }

    /** Takes elements from the buffer and stores them from position {@code at} on; returns how many. */
    private interface Store {
        int take(ByteBuffer buffer, int at);
    }

    private void read(Entry entry, Store store) throws IOException {
        ByteBuffer buffer = buffer(entry.end() - entry.begin());
        CRC32C checksum = new CRC32C();
        int at = 0;
        for (long position = entry.begin(); position < entry.end(); position += buffer.capacity()) {
            buffer.clear().limit((int) Math.min(buffer.capacity(), entry.end() - position));
            int bytes = buffer.limit();
            SafetensorsHeader.readFully(file, channel, buffer, header.dataStart() + position);
            checksum.update(buffer.duplicate());
            while (at < (position - entry.begin() + bytes) / entry.type().bytes()) {
                at += store.take(buffer, at);
            }
        }
        String recorded = header.checksums().get(entry.name());
        if (recorded != null && !recorded.equals(hexadecimal(checksum))) {
            throw new SafetensorsException(file + ": tensor " + entry.name() + " is damaged (its CRC-32C is " + hexadecimal(checksum)
                    + ", " + recorded + " was recorded when it was written)");
        }
    }

    static String hexadecimal(CRC32C checksum) {
        return String.format(Locale.ROOT, "%08x", checksum.getValue());
    }

    static ByteBuffer buffer(long needed) {
        return ByteBuffer.allocateDirect((int) Math.min(BUFFER_BYTES, Math.max(8, needed))).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Writes a file's content, tensors in the given order. The metadata get one more entry, {@link #CHECKSUMS}.
     *
     * @param channel  empty and seekable: the checksums are filled in after the data
     * @param metadata strings for {@code __metadata__}
     * @param blocks   the tensors
     * @throws IOException if the file cannot be written
     */
    public static void write(FileChannel channel, Map<String, String> metadata, List<Block> blocks) throws IOException {
        new SafetensorsWriter(channel, metadata, blocks).write();
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
