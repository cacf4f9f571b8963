package duet.cli.watch;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

import com.fasterxml.jackson.databind.JsonNode;
import duet.json.StrictJson;
import duet.train.output.Metrics;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingException;

/**
 * Follows a {@code metrics.jsonl} that a training may be writing: reads what was appended since the last time, up to the last line end. A
 * training that goes on after it was killed cuts its file off and writes other lines; then all is read again. For one thread.
 */
final class MetricsTail {
    private static final int BUFFER_BYTES = 1 << 18;

    private final Path file;
    private final Listener listener;
    private final ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
    /** After the last line that was told. */
    private long position;
    private long lines;
    /** The last line that was told; if it no longer stands there the file is another. */
    private byte[] last = {};
    /** Within a line that is longer than any of a training. */
    private boolean skipping;

    /** Told of lines, in their order. */
    interface Listener {
        /** All that was told is no longer so; the lines follow from the first on. */
        void restarted();

        void metrics(Metrics metrics);

        void rates(RateChange change);

        /** @param line its number, from 1 */
        void damaged(long line);
    }

    MetricsTail(Path file, Listener listener) {
        this.file = file;
        this.listener = listener;
    }

    /** Tells what is new. A file that is not there is an empty one. */
    void read() throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            if (!goesOn(channel)) {
                restart();
            }
            while (readSome(channel)) {
                // more
            }
        } catch (NoSuchFileException e) {
            if (position > 0) {
                restart();
            }
        }
    }

    private boolean goesOn(FileChannel channel) throws IOException {
        if (channel.size() < position) {
            return false;
        }
        ByteBuffer before = ByteBuffer.allocate(last.length);
        while (before.hasRemaining() && channel.read(before, position - last.length + before.position()) > 0) {
            // the rest
        }
        return Arrays.equals(before.array(), last);
    }

    private void restart() {
        position = 0;
        lines = 0;
        last = new byte[0];
        skipping = false;
        listener.restarted();
    }

    /** False at the end, or where only half a line follows. */
    private boolean readSome(FileChannel channel) throws IOException {
        buffer.clear();
        while (buffer.hasRemaining() && channel.read(buffer, position + buffer.position()) > 0) {
            // until it is full
        }
        byte[] bytes = buffer.array();
        int begin = 0;
        for (int i = 0; i < buffer.position(); i++) {
            if (bytes[i] == '\n') {
                line(Arrays.copyOfRange(bytes, begin, i + 1));
                begin = i + 1;
            }
        }
        if (begin == 0 && !buffer.hasRemaining()) {
            skipping = true;
            last = new byte[0];
            position += buffer.position();
            return true;
        }
        position += begin;
        return begin > 0;
    }

    /** @param line with its end */
    private void line(byte[] line) {
        lines++;
        last = line;
        if (skipping) {
            skipping = false;
            listener.damaged(lines);
            return;
        }
        StrictJson json = new StrictJson("line " + lines, TrainingException::new);
        try {
            JsonNode tree = json.tree(new String(line, StandardCharsets.UTF_8));
            if (tree.path("event").asText().equals(RateChange.EVENT)) {
                listener.rates(json.read(tree, RateChange.class));
            } else {
                listener.metrics(json.read(tree, Metrics.class));
            }
        } catch (TrainingException e) {
            listener.damaged(lines);
        }
    }
}
