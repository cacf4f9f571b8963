package duet.model;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.files.Reasons;

/**
 * The checked header of a safetensors file. Nothing in it is believed: the data of all tensors must fill the rest of the file
 * exactly, each once, and each as large as its shape says.
 */
record SafetensorsHeader(
        long dataStart, Map<String, String> metadata, Map<String, Safetensors.Entry> entries, Map<String, String> checksums) {
    static final String METADATA = "__metadata__";
    /** The reference implementation's limit; a lying length must not make us allocate more. */
    private static final long MAX_BYTES = 100_000_000;

    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
            .build();

    static SafetensorsHeader read(Path file, FileChannel channel) throws IOException {
        long size = channel.size();
        if (size < 8) {
            throw new SafetensorsException(file + ": " + size + " bytes are too few for a safetensors file");
        }
        ByteBuffer start = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
        readFully(file, channel, start, 0);
        long length = start.getLong(0);
        if (length < 2 || length > MAX_BYTES) {
            throw new SafetensorsException(file + ": not a safetensors file (its first 8 bytes give a header of "
                    + Long.toUnsignedString(length) + " bytes; 2 to " + MAX_BYTES + " are possible)");
        }
        if (length > size - 8) {
            throw new SafetensorsException(file + ": cut off (a header of " + length + " bytes in a file of " + size + ")");
        }
        ByteBuffer bytes = ByteBuffer.allocate((int) length);
        readFully(file, channel, bytes, 8);
        JsonNode root = parse(file, bytes);
        Map<String, String> metadata = metadata(file, root.get(METADATA));
        List<Safetensors.Entry> entries = new ArrayList<>();
        for (Map.Entry<String, JsonNode> field : root.properties()) {
            if (!field.getKey().equals(METADATA)) {
                entries.add(entry(file, field.getKey(), field.getValue()));
            }
        }
        return new SafetensorsHeader(8 + length, metadata, inOrder(file, entries, size - 8 - length), checksums(file, metadata));
    }

    /** Fills the buffer (whose position is 0) from a position of the file, and flips it. */
    static void readFully(Path file, FileChannel channel, ByteBuffer buffer, long position) throws IOException {
        while (buffer.hasRemaining()) {
            int count = channel.read(buffer, position + buffer.position());
            if (count < 0) {
                throw new SafetensorsException(file + ": ended while it was read");
            }
        }
        buffer.flip();
    }

    private static JsonNode parse(Path file, ByteBuffer bytes) {
        try {
            // decoded first: Jackson would guess another encoding from the first bytes and let bad UTF-8 through
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
            JsonNode root = text.startsWith("{") ? JSON.readTree(text) : null;
            if (root == null) {
                throw new SafetensorsException(file + ": not a safetensors file (the header does not begin with {)");
            }
            return root;
        } catch (CharacterCodingException e) {
            throw new SafetensorsException(file + ": the header is not UTF-8", e);
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null ? "" : " at byte " + (8 + e.getLocation().getCharOffset());
            throw new SafetensorsException(file + ": the header is not valid JSON" + place + ": " + Reasons.of(e), e);
        }
    }

    private static Map<String, String> metadata(Path file, JsonNode node) {
        Map<String, String> metadata = new LinkedHashMap<>();
        if (node == null) {
            return metadata;
        }
        if (!node.isObject()) {
            throw new SafetensorsException(file + ": " + METADATA + " is not an object");
        }
        for (Map.Entry<String, JsonNode> field : node.properties()) {
            if (!field.getValue().isTextual()) {
                throw new SafetensorsException(file + ": " + METADATA + "." + field.getKey() + " is not a string");
            }
            metadata.put(field.getKey(), field.getValue().textValue());
        }
        return Collections.unmodifiableMap(metadata);
    }

    /** The checksums that our writer records; those of the metadata are compared here. */
    private static Map<String, String> checksums(Path file, Map<String, String> metadata) {
        Map<String, String> checksums = new LinkedHashMap<>();
        if (metadata.containsKey(Safetensors.CHECKSUMS)) {
            try {
                JSON.readTree(metadata.get(Safetensors.CHECKSUMS)).properties()
                        .forEach(e -> checksums.put(e.getKey(), e.getValue().asText()));
            } catch (JsonProcessingException e) {
                throw new SafetensorsException(file + ": the checksums in the metadata are damaged", e);
            }
            if (!checksumOf(metadata).equals(checksums.getOrDefault(METADATA, checksumOf(metadata)))) {
                throw new SafetensorsException(file + ": the metadata are damaged (their CRC-32C is not the one recorded)");
            }
        }
        return checksums;
    }

    /** CRC-32C of all names and values but the checksums themselves. */
    static String checksumOf(Map<String, String> metadata) {
        CRC32C checksum = new CRC32C();
        new TreeMap<>(metadata).forEach((name, value) -> {
            if (!name.equals(Safetensors.CHECKSUMS)) {
                checksum.update((name + "\0" + value + "\0").getBytes(StandardCharsets.UTF_8));
            }
        });
        return Safetensors.hexadecimal(checksum);
    }

    private static Safetensors.Entry entry(Path file, String name, JsonNode node) {
        String tensor = file + ": tensor " + name;
        List<String> fields = List.of("dtype", "shape", "data_offsets");
        if (!node.isObject() || node.size() != 3 || !fields.stream().allMatch(node::has)) {
            throw new SafetensorsException(tensor + " needs exactly dtype, shape and data_offsets");
        }
        Safetensors.Type type;
        try {
            type = Safetensors.Type.valueOf(node.get("dtype").asText());
        } catch (IllegalArgumentException e) {
            throw new SafetensorsException(tensor + " has the unknown dtype " + node.get("dtype"), e);
        }
        List<Long> shape = numbers(tensor, "shape", node.get("shape"));
        List<Long> offsets = numbers(tensor, "data_offsets", node.get("data_offsets"));
        if (offsets.size() != 2 || offsets.get(0) > offsets.get(1)) {
            throw new SafetensorsException(tensor + " has data_offsets " + offsets + ", which are not a begin and an end");
        }
        long bytes;
        try {
            bytes = shape.stream().reduce((long) type.bytes(), Math::multiplyExact);
        } catch (ArithmeticException e) {
            throw new SafetensorsException(tensor + " has shape " + shape + ", which overflows", e);
        }
        if (bytes != offsets.get(1) - offsets.get(0)) {
            throw new SafetensorsException(tensor + " has " + (offsets.get(1) - offsets.get(0)) + " bytes, but " + type + " of shape "
                    + shape + " needs " + bytes);
        }
        return new Safetensors.Entry(name, type, shape, offsets.get(0), offsets.get(1));
    }

    private static List<Long> numbers(String tensor, String field, JsonNode node) {
        List<Long> numbers = new ArrayList<>();
        for (JsonNode number : node) {
            if (!number.isIntegralNumber() || !number.canConvertToLong() || number.longValue() < 0) {
                throw new SafetensorsException(tensor + " has " + field + " " + node + ", where whole numbers from 0 are needed");
            }
            numbers.add(number.longValue());
        }
        if (!node.isArray()) {
            throw new SafetensorsException(tensor + " has " + field + " " + node + ", which is not an array");
        }
        return numbers;
    }

    /** By place, which must be one after the other from 0 to the end. */
    private static Map<String, Safetensors.Entry> inOrder(Path file, List<Safetensors.Entry> entries, long dataBytes) {
        entries.sort(Comparator.comparingLong(Safetensors.Entry::begin).thenComparingLong(Safetensors.Entry::end));
        Map<String, Safetensors.Entry> ordered = new LinkedHashMap<>();
        long end = 0;
        String before = "the header";
        for (Safetensors.Entry entry : entries) {
            if (entry.begin() != end) {
                throw new SafetensorsException(file + ": tensor " + entry.name()
                        + (entry.begin() < end ? " overlaps " : " leaves a hole after ") + before
                        + " (it begins at " + entry.begin() + ", " + end + " is next)");
            }
            ordered.put(entry.name(), entry);
            end = entry.end();
            before = entry.name();
        }
        if (end != dataBytes) {
            throw new SafetensorsException(file + (end > dataBytes ? ": cut off: " : ": too long: ") + "the header tells of " + end
                    + " bytes of data, the file has " + dataBytes);
        }
        return Collections.unmodifiableMap(ordered);
    }
}
