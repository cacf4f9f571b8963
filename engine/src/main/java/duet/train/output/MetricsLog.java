package duet.train.output;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Predicate;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.files.Reasons;
import duet.json.StrictJson;
import duet.text.Suggestion;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingException;

/** metrics.jsonl: a line for each {@link Metrics} and {@link RateChange}, handed to the operating system at once. */
public final class MetricsLog implements AutoCloseable {
    /** Its name in the output folder of a training. */
    public static final String FILE = "metrics.jsonl";

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> EVENTS = List.of("train", "validation", RateChange.EVENT);
    /** Relative, of numbers that were rounded to print them. */
    private static final double SLACK = 1e-9;

    private final Path file;
    private final FileChannel channel;
    private double epochsOfAStep;

    private MetricsLog(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Opens the file, cuts off what a killed process wrote after its last checkpoint, and goes on from there.
     *
     * @param keeps whether a line belongs to the training that goes on; the first that does not is cut off with all after it, as is
     *              a half-written last line
     * @param kept  told of each line that stays, but for changes of rates
     */
    static MetricsLog open(Path file, Predicate<Metrics> keeps, Consumer<Metrics> kept) {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            MetricsLog log = new MetricsLog(file, channel);
            channel.truncate(log.keptBytes(keeps, kept));
            channel.position(channel.size());
            return log;
        } catch (IOException e) {
            close(file, channel);
            throw new TrainingException(file + ": cannot be opened: " + Reasons.of(e), e);
        } catch (RuntimeException e) {
            close(file, channel);
            throw e;
        }
    }

    /**
     * Reads the lines of a file that another process may be writing: a half-written last line is left out.
     *
     * @param file a metrics.jsonl
     * @param line told of each in turn
     */
    public static void read(Path file, Consumer<Metrics> line) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            new MetricsLog(file, channel).keptBytes(metrics -> true, line);
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be read: " + Reasons.of(e), e);
        }
    }

    private long keptBytes(Predicate<Metrics> keeps, Consumer<Metrics> kept) throws IOException {
        long bytes = 0;
        long size = channel.size();
        // not closed: that would close the channel
        BufferedReader reader = new BufferedReader(Channels.newReader(channel, StandardCharsets.ISO_8859_1));
        int number = 1;
        for (String line = reader.readLine(); line != null; line = reader.readLine(), number++) {
            long end = bytes + line.length() + 1;
            if (end > size) {
                return bytes; // no line end: half-written
            }
            Metrics metrics = parse(line, number);
            if (!keeps.test(metrics)) {
                return bytes;
            }
            if (!metrics.event().equals(RateChange.EVENT)) {
                kept.accept(metrics);
            }
            bytes = end;
        }
        return bytes;
    }

    private Metrics parse(String line, int number) {
        StrictJson json = new StrictJson(file + ": line " + number + " is not one of a training's metrics",
                message -> new TrainingException(message + "; move the file away to go on without it"));
        JsonNode tree = json.tree(line);
        if (tree.path("event").asText().equals(RateChange.EVENT)) {
            RateChange change = json.read(tree, RateChange.class);
            return new Metrics(change.event(), change.knownAfter(), change.epoch(), 0, 0, 0, change.learningRate(), 0);
        }
        Metrics metrics = json.read(tree, Metrics.class);
        String fault = fault(metrics);
        if (fault != null) {
            throw json.error(fault);
        }
        return metrics;
    }

    /** All steps of a training are the same share of an epoch, so a damaged number shows. */
    private String fault(Metrics metrics) {
        if (!EVENTS.contains(metrics.event())) {
            return "\"event\" cannot be \"" + metrics.event() + "\"; " + Suggestion.of(metrics.event(), EVENTS);
        }
        if (metrics.step() < 1 || !(metrics.epoch() > 0)) {
            return "\"step\" must be 1 or more and \"epoch\" above 0, not " + metrics.step() + " and " + metrics.epoch();
        }
        if (!(metrics.top1() >= 0 && metrics.top1() <= metrics.top5() && metrics.top5() <= 1)) {
            return "\"top1\" and \"top5\" must be shares from 0 to 1, not " + metrics.top1() + " and " + metrics.top5();
        }
        double epochs = metrics.epoch() / metrics.step();
        epochsOfAStep = epochsOfAStep == 0 ? epochs : epochsOfAStep;
        return Math.abs(epochs - epochsOfAStep) <= SLACK * epochsOfAStep ? null
                : "\"epoch\" " + metrics.epoch() + " does not belong to \"step\" " + metrics.step();
    }

    void write(Metrics metrics) {
        writeLine(metrics);
    }

    void write(RateChange change) {
        writeLine(change);
    }

    private void writeLine(Object value) {
        try {
            ByteBuffer line = ByteBuffer.wrap((JSON.writeValueAsString(value) + "\n").getBytes(StandardCharsets.ISO_8859_1));
            while (line.hasRemaining()) {
                channel.write(line);
            }
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be written: " + Reasons.of(e), e);
        }
    }

    /** To the disk: before a checkpoint, so that the lines up to its step are there whenever it is. */
    void sync() {
        try {
            channel.force(false);
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be written: " + Reasons.of(e), e);
        }
    }

    @Override
    public void close() {
        close(file, channel);
    }

    private static void close(Path file, FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be closed: " + Reasons.of(e), e);
        }
    }
}
