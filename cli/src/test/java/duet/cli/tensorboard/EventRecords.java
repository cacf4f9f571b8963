package duet.cli.tensorboard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;

import duet.cli.tensorboard.proto.TensorBoard.Event;
import duet.cli.tensorboard.proto.TensorBoard.Summary;

/** Reads event files, and everything about them is checked; a half-written last record is left out. */
final class EventRecords {
    private static final int FRAME = 16;

    private EventRecords() {}

    static List<Event> read(Path file) throws IOException {
        List<Event> events = new ArrayList<>();
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.remaining() >= FRAME) {
            int start = bytes.position();
            int length = Math.toIntExact(bytes.getLong());
            assertEquals(masked(bytes.array(), start, Long.BYTES), bytes.getInt(), "CRC of the length");
            if (bytes.remaining() < length + Integer.BYTES) {
                break;
            }
            byte[] data = new byte[length];
            bytes.get(data);
            assertEquals(masked(data, 0, length), bytes.getInt(), "CRC of the event");
            events.add(Event.parseFrom(data));
        }
        return events;
    }

    /** As TensorFlow's crc32c.h defines it. */
    private static int masked(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(Arrays.copyOfRange(bytes, from, from + length));
        long value = crc.getValue();
        return (int) ((value >>> 15 | value << 17) + 0xa282ead8L);
    }

    /** All events of a folder, in the order in which TensorBoard reads them. */
    static List<Event> readAll(Path folder) throws IOException {
        List<Event> events = new ArrayList<>();
        for (Path file : EventFile.in(folder)) {
            events.addAll(read(file));
        }
        return events;
    }

    /** The values under a tag, by step. */
    static Map<Long, Summary.Value> values(List<Event> events, String tag) {
        Map<Long, Summary.Value> values = new TreeMap<>();
        for (Event event : events) {
            event.getSummary().getValueList().stream().filter(value -> value.getTag().equals(tag))
                    .forEach(value -> values.put(event.getStep(), value));
        }
        return values;
    }

    static Map<Long, Float> scalars(List<Event> events, String tag) {
        return values(events, tag).entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, entry -> {
            assertEquals(Summary.Value.ValueCase.SIMPLE_VALUE, entry.getValue().getValueCase(), tag);
            return entry.getValue().getSimpleValue();
        }, (one, other) -> one, TreeMap::new));
    }
}
