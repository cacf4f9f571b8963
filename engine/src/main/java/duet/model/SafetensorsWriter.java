package duet.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.files.WholeFile;

/** Writes one safetensors file. The header comes first in a file but holds checksums of the data, so it is written twice. */
final class SafetensorsWriter {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final FileChannel channel;
    private final Map<String, String> metadata;
    private final List<Safetensors.Block> blocks;
    private final Map<String, String> checksums = new LinkedHashMap<>();

    SafetensorsWriter(FileChannel channel, Map<String, String> metadata, List<Safetensors.Block> blocks) {
        this.channel = channel;
        this.metadata = metadata;
        this.blocks = blocks;
        checksums.put(SafetensorsHeader.METADATA, SafetensorsHeader.checksumOf(metadata));
        for (Safetensors.Block block : blocks) {
            if (checksums.put(block.name(), "00000000") != null) {
                throw new IllegalArgumentException("tensor " + block.name() + " is given twice");
            }
        }
    }

    void write() throws IOException {
        ByteBuffer placeholder = header();
        int length = placeholder.remaining();
        WholeFile.fully(channel, placeholder);
        ByteBuffer buffer = Safetensors.buffer(Safetensors.BUFFER_BYTES);
        for (Safetensors.Block block : blocks) {
            write(block, buffer);
        }
        ByteBuffer header = header();
        if (header.remaining() != length) {
            throw new IllegalStateException("the header has changed its length from " + length + " to " + header.remaining());
        }
        channel.position(0);
        WholeFile.fully(channel, header);
    }

    private void write(Safetensors.Block block, ByteBuffer buffer) throws IOException {
        Elements elements = new Elements(block, buffer);
        block.content().writeTo(elements);
        if (elements.count != block.elements()) {
            throw elements.wrongCount();
        }
        checksums.put(block.name(), Safetensors.hexadecimal(elements.checksum));
    }

    /** Writes the elements of one tensor and counts them. */
    private final class Elements implements Safetensors.Sink {
        private final Safetensors.Block block;
        private final ByteBuffer buffer;
        private final CRC32C checksum = new CRC32C();
        private long count;

        Elements(Safetensors.Block block, ByteBuffer buffer) {
            this.block = block;
            this.buffer = buffer;
        }

        @Override
        public void floats(float[] values) throws IOException {
            take(Safetensors.Type.F32, values.length, (at, length) -> buffer.asFloatBuffer().put(values, at, length));
        }

        @Override
        public void longs(long[] values) throws IOException {
            take(Safetensors.Type.I64, values.length, (at, length) -> buffer.asLongBuffer().put(values, at, length));
        }

        private void take(Safetensors.Type type, int length, Fill fill) throws IOException {
            if (type != block.type()) {
                throw new IllegalArgumentException("tensor " + block.name() + " is " + block.type() + ", but " + type + " is given");
            }
            count += length;
            if (count > block.elements()) {
                throw wrongCount();
            }
            int chunk = buffer.capacity() / type.bytes();
            for (int at = 0; at < length; at += chunk) {
                int now = Math.min(chunk, length - at);
                buffer.clear().limit(now * type.bytes());
                fill.fill(at, now);
                checksum.update(buffer.duplicate());
                WholeFile.fully(channel, buffer);
            }
        }

        IllegalArgumentException wrongCount() {
            return new IllegalArgumentException("tensor " + block.name() + " has " + count + " elements, its shape is " + block.shape());
        }
    }

    /** Puts elements into the buffer. */
    private interface Fill {
        void fill(int at, int length);
    }

    private ByteBuffer header() throws IOException {
        ObjectNode root = JSON.createObjectNode();
        ObjectNode strings = root.putObject(SafetensorsHeader.METADATA);
        metadata.forEach(strings::put);
        strings.put(Safetensors.CHECKSUMS, JSON.writeValueAsString(checksums));
        long offset = 0;
        for (Safetensors.Block block : blocks) {
            long end = offset + block.type().bytes() * block.elements();
            ObjectNode entry = root.putObject(block.name()).put("dtype", block.type().name());
            block.shape().forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        String text = JSON.writeValueAsString(root);
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        byte[] padded = (text + " ".repeat((8 - length % 8) % 8)).getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + padded.length).order(ByteOrder.LITTLE_ENDIAN).putLong(padded.length).put(padded).flip();
    }
}
