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
        writeFully(placeholder);
        ByteBuffer buffer = Safetensors.buffer(Safetensors.BUFFER_BYTES);
        for (Safetensors.Block block : blocks) {
            write(block, buffer);
        }
        ByteBuffer header = header();
        if (header.remaining() != length) {
            throw new IllegalStateException("the header has changed its length from " + length + " to " + header.remaining());
        }
        channel.position(0);
        writeFully(header);
    }

    private void write(Safetensors.Block block, ByteBuffer buffer) throws IOException {
        float[] values = block.values().get();
        if (values.length != block.elements()) {
            throw new IllegalArgumentException(
                    "tensor " + block.name() + " has " + values.length + " elements, its shape is " + block.shape());
        }
        CRC32C checksum = new CRC32C();
        int chunk = buffer.capacity() / Float.BYTES;
        for (int at = 0; at < values.length; at += chunk) {
            int count = Math.min(chunk, values.length - at);
            buffer.clear().limit(count * Float.BYTES);
            buffer.asFloatBuffer().put(values, at, count);
            checksum.update(buffer.duplicate());
            writeFully(buffer);
        }
        checksums.put(block.name(), Safetensors.hexadecimal(checksum));
    }

    private ByteBuffer header() throws IOException {
        ObjectNode root = JSON.createObjectNode();
        ObjectNode strings = root.putObject(SafetensorsHeader.METADATA);
        metadata.forEach(strings::put);
        strings.put(Safetensors.CHECKSUMS, JSON.writeValueAsString(checksums));
        long offset = 0;
        for (Safetensors.Block block : blocks) {
            long end = offset + Float.BYTES * block.elements();
            ObjectNode entry = root.putObject(block.name()).put("dtype", Safetensors.Type.F32.name());
            block.shape().forEach(entry.putArray("shape")::add);
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        String text = JSON.writeValueAsString(root);
        int length = text.getBytes(StandardCharsets.UTF_8).length;
        byte[] padded = (text + " ".repeat((8 - length % 8) % 8)).getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(8 + padded.length).order(ByteOrder.LITTLE_ENDIAN).putLong(padded.length).put(padded).flip();
    }

    private void writeFully(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
