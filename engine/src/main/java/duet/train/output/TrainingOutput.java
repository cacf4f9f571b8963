package duet.train.output;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import java.util.function.Function;

import duet.data.Dataset;
import duet.files.WholeFile;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;

/** What a training writes to its output folder: checkpoints, metrics, the network. */
public final class TrainingOutput implements AutoCloseable {

    private final OutputFolder folder;
    private final Network network;
    private final int keep;
    private final History history = new History();
    private MetricsLog log;
    private Path lastCheckpoint;

    private TrainingOutput(OutputFolder folder, Network network, int keep) {
        this.folder = folder;
        this.network = network;
        this.keep = keep;
    }

    /**
     * Begins in a new folder.
     *
     * @param options with an output folder
     * @param network to be trained
     * @return the output; close it
     * @throws duet.train.schedule.TrainingException if the folder holds something already
     */
    public static TrainingOutput create(TrainingOptions options, Network network) {
        return open(options, network, output -> {
            OutputFolder.requireNew(options.output()); // again, now that nobody else can
            output.log = MetricsLog.open(output.folder.file(MetricsLog.FILE), metrics -> false, metrics -> {});
        });
    }

    /**
     * Goes on in the folder of the checkpoint, or in a new one.
     *
     * @param options with an output folder
     * @param network that is trained
     * @param state   of the checkpoint
     * @param warning told of checkpoints that are damaged, in a sentence
     * @return the output; close it
     */
    public static TrainingOutput resume(TrainingOptions options, Network network, TrainingState state, Consumer<String> warning) {
        return open(options, network, output -> {
            if (OutputFolder.checkpoints(options.output()).isEmpty()) {
                OutputFolder.requireNew(options.output());
            }
            output.folder.requireLatest(state.step(), warning);
            Path checkpoint = output.folder.checkpointFile(state.step());
            output.lastCheckpoint = Files.exists(checkpoint) ? checkpoint : null;
            output.log = MetricsLog.open(output.folder.file(MetricsLog.FILE), metrics -> keeps(metrics, state), output.history::add);
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

    /** {@return the last checkpoint; null if there is none} */
    public Path lastCheckpoint() {
        return lastCheckpoint;
    }

    /** {@return the last validation; null if there was none} */
    public Metrics lastValidation() {
        return history.lastValidation();
    }

    /**
     * Writes a line of metrics.
     *
     * @param metrics of a step or a validation
     */
    public void write(Metrics metrics) {
        log.write(metrics);
        history.add(metrics);
    }

    /**
     * Writes a line that says that the rates have changed.
     *
     * @param change the new rates
     */
    public void write(RateChange change) {
        log.write(change);
    }

    /** Writes {@code network.json}. */
    public void writeNetwork() {
        byte[] json = NetworkJson.write(network).getBytes(StandardCharsets.UTF_8);
        WholeFile.write(folder.file("network.json"), json);
    }

    /**
     * Writes a checkpoint and removes those that are too many; that of the best validation so far stays.
     *
     * @param state   where the training stands
     * @param data    for the names of classes and the size of images
     * @param tensors see {@link CheckpointFile#write}
     * @return the file
     */
    public Path writeCheckpoint(TrainingState state, Dataset data, Function<String, float[]> tensors) {
        log.sync();
        Path file = folder.checkpointFile(state.step());
        CheckpointFile.write(file, network, data.classNames(), data.stored(), state, tensors);
        lastCheckpoint = file;
        Metrics best = history.best();
        folder.prune(keep, best == null ? -1 : best.step());
        return file;
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
