package duet.cli.tensorboard;

import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

import duet.cli.tensorboard.proto.TensorBoard.Event;

/**
 * A file of TensorBoard events, each a record of TensorFlow's TFRecord format: length (8 bytes), masked CRC of the length (4), event,
 * masked CRC of the event (4), little-endian. A record is handed to the operating system at once, so that a TensorBoard that watches the
 * file sees it and a killed process loses nothing but a half-written last record, which readers pass over.
 */
final class EventFile implements AutoCloseable {
    private static final String PREFIX = "events.out.tfevents.";
    private static final Pattern NAME = Pattern.compile(Pattern.quote(PREFIX) + "(\\d{1,15})\\..*");
    /** What TensorBoard wants to read first. */
    private static final String VERSION = "brain.Event:2";
    private static final int MASK_ROTATION = 15;
    private static final int MASK_DELTA = 0xa282ead8;

    private final FileChannel channel;

    private EventFile(FileChannel channel) {
        this.channel = channel;
    }

    /** The event files of a folder, in the order in which TensorBoard reads them. */
    static List<Path> in(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> NAME.matcher(file.getFileName().toString()).matches()).sorted().toList();
        }
    }

    /**
     * Begins a new file behind those of the folder.
     *
     * @param seconds since 1970, or more if the folder holds a file of then: TensorBoard reads them in the order of their names
     */
    static EventFile create(Path folder, double seconds) throws IOException {
        long begun = (long) seconds;
        for (Path other : in(folder)) {
            Matcher name = NAME.matcher(other.getFileName().toString());
            begun = name.matches() ? Math.max(begun, Long.parseLong(name.group(1)) + 1) : begun;
        }
        EventFile file = open(folder.resolve(PREFIX + begun + "." + host() + "." + ProcessHandle.current().pid() + ".0"));
        file.write(Event.newBuilder().setWallTime(seconds).setFileVersion(VERSION).build());
        return file;
    }

    /** For tests: a file that may be there. */
    static EventFile open(Path file) throws IOException {
        return new EventFile(FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE));
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName().replaceAll("[^A-Za-z0-9._-]", "-");
        } catch (UnknownHostException e) {
            return "localhost";
        }
    }

    void write(Event event) throws IOException {
        byte[] data = event.toByteArray();
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(data.length);
        bytes.putInt(maskedCrc(bytes.array(), 0, Long.BYTES));
        bytes.put(data);
        bytes.putInt(maskedCrc(data, 0, data.length));
        bytes.flip();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Of CRC-32C (Castagnoli); masked, so that a CRC of data that hold CRCs is as good as any. */
    static int maskedCrc(byte[] bytes, int from, int length) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, length);
        return Integer.rotateRight((int) crc.getValue(), MASK_ROTATION) + MASK_DELTA;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
