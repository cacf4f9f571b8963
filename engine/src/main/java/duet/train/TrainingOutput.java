package duet.train;

import java.awt.AWTError;
import java.awt.image.BufferedImage;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

import duet.data.Dataset;
import duet.net.Network;
import duet.net.NetworkJson;

/** What a training writes to its output folder: checkpoints, metrics, the network, pictures. */
final class TrainingOutput implements AutoCloseable {
    static final String METRICS = "metrics.jsonl";
    private static final long DRAWING_PAUSE = 5_000_000_000L; // ns

    private final OutputFolder folder;
    private final Network network;
    private final int keep;
    private final History history = new History();
    private MetricsLog log;
    private Path lastCheckpoint;
    private boolean drawing = true;
    private int drawnLines;
    private long lastDrawing;

    private TrainingOutput(OutputFolder folder, Network network, int keep) {
        this.folder = folder;
        this.network = network;
        this.keep = keep;
    }

    static TrainingOutput create(TrainingOptions options, Network network) {
        return open(options, network, output -> {
            OutputFolder.requireNew(options.output()); // again, now that nobody else can
            output.log = MetricsLog.open(output.folder.file(METRICS), metrics -> false, metrics -> { });
        });
    }

    /** Goes on in the folder of the checkpoint, or in a new one. */
    static TrainingOutput resume(TrainingOptions options, Network network, TrainingState state, Consumer<String> warning) {
        return open(options, network, output -> {
            if (OutputFolder.checkpoints(options.output()).isEmpty()) {
                OutputFolder.requireNew(options.output());
            }
            output.folder.requireLatest(state.step(), warning);
            Path checkpoint = output.folder.checkpointFile(state.step());
            output.lastCheckpoint = Files.exists(checkpoint) ? checkpoint : null;
            output.log = MetricsLog.open(output.folder.file(METRICS), metrics -> keeps(metrics, state), output.history::add);
        });
    }

    private static TrainingOutput open(TrainingOptions options, Network network, Consumer<TrainingOutput> begin) {
        OutputFolder folder = OutputFolder.open(options.output());
        try {
            TrainingOutput output = new TrainingOutput(folder, network, options.keepCheckpoints());
            begin.accept(output);
            return output;
        } catch (RuntimeException | Error e) {
            folder.close();
            throw e;
        }
    }

    /**
     * Whether a line was written before the checkpoint, and an uninterrupted training would have it too: a validation that only
     * marked the end of training does not count once training goes on.
     */
    private static boolean keeps(Metrics metrics, TrainingState state) {
        if (metrics.step() != state.step() || !metrics.event().equals("validation")) {
            return metrics.step() <= state.step();
        }
        return state.validated() && (state.atEpochEnd() || state.step() >= state.lastStep());
    }

    /** null if there is none. */
    Path lastCheckpoint() {
        return lastCheckpoint;
    }

    /** null if there was none. */
    Metrics lastValidation() {
        return history.lastValidation();
    }

    void write(Metrics metrics) {
        log.write(metrics);
        history.add(metrics);
    }

    void write(RateChange change) {
        log.write(change);
    }

    void writeNetwork() {
        byte[] json = NetworkJson.write(network).getBytes(StandardCharsets.UTF_8);
        AtomicFile.write(folder.file("network.json"), channel -> channel.write(ByteBuffer.wrap(json)));
    }

    /** @param tensors see {@link CheckpointFile#write} */
    Path writeCheckpoint(TrainingState state, Dataset data, Function<String, float[]> tensors) {
        log.sync();
        Path file = folder.checkpointFile(state.step());
        CheckpointFile.write(file, network, data.classNames(), data.stored(), state, tensors);
        lastCheckpoint = file;
        folder.prune(keep);
        return file;
    }

    /**
     * Draws the pictures again if there is something new to see, but not more often than every few seconds unless it is the
     * {@code last} time. They are worth no training: what goes wrong is a warning, once.
     *
     * @param firstWeight of the network, asked for when it is drawn
     */
    void draw(Supplier<float[]> firstWeight, boolean last, TrainingListener listener) {
        boolean soon = lastDrawing != 0 && System.nanoTime() - lastDrawing < DRAWING_PAUSE;
        if (!drawing || drawnLines == history.lines() || soon && !last) {
            return;
        }
        try {
            Pictures.write(folder.file("curves.png"), Curves.draw(history, network.name()));
            BufferedImage filters = FilterSheet.draw(network, firstWeight.get());
            if (filters != null) {
                Pictures.write(folder.file("conv1.png"), filters);
            }
            drawnLines = history.lines();
            lastDrawing = System.nanoTime();
        } catch (Exception | LinkageError | AWTError | InternalError e) {
            drawing = false;
            listener.warning("the pictures cannot be drawn and are left out: " + e);
        }
    }

    @Override
    public void close() {
        try (folder) {
            if (log != null) {
                log.close();
            }
        }
    }
}
