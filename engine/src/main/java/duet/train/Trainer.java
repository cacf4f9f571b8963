package duet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.data.BatchLoader;
import duet.data.ImageStatistics;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.net.Layer;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.CheckpointFile;
import duet.train.output.Metrics;
import duet.train.output.OutputFolder;
import duet.train.output.TrainingListener;
import duet.train.output.TrainingOutput;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;

/**
 * Trains a network. Owns neither the backend nor the data. Only {@link #requestStop} may be called while another method runs.
 * Training is a function of the network, data and options: stopped (or killed) and resumed, it ends with the same bits.
 */
public final class Trainer implements AutoCloseable {
    /** Mean image and colours are taken over that many images at most, unless the data are prepared; the mean is then exact to about one grey level. */
    private static final int STATISTICS_IMAGES = 2_000;

    private final Network network;
    private final Split data;
    private final TrainingOptions options;
    private final Session session;
    private final float[] mean;
    private final Rates rates;
    /** See {@link Checkpoint#COLOURS}; null without colour noise. */
    private final float[] colours;
    private final FlatLoss flatLoss;
    private final List<String> warnings = new ArrayList<>();
    private TrainingOutput output;
    private TrainingState state;
    private Metrics lastValidation;
    private volatile boolean stop;

    private Trainer(Network network, Split data, Session session, float[] mean, float[] colours, TrainingState state,
            TrainingOptions options) {
        this.network = network;
        this.data = data;
        this.session = session;
        this.mean = mean;
        this.colours = colours;
        this.state = state;
        this.options = options;
        rates = new Rates(session.shapes());
        flatLoss = new FlatLoss(network.classes());
    }

    /** How training ended. */
    public enum End { COMPLETED, STOPPED }

    /**
     * @param end        whether all steps were done or {@link #requestStop} came first
     * @param validation the last validation, or null if there was none
     * @param checkpoint the last checkpoint, or null without an output folder
     */
    public record Result(End end, long steps, Metrics validation, Path checkpoint) {}

    /** A new training. The output folder must be empty or not exist. */
    public static Trainer create(Network network, Placement placement, Backend backend, Split data, TrainingOptions options) {
        return create(network, placement, backend, data, data.training().description(), options);
    }

    /** @param source what the data were opened from, kept in checkpoints: the option --data */
    public static Trainer create(
            Network network, Placement placement, Backend backend, Split data, String source, TrainingOptions options) {
        return create(network, placement, backend, data, source, options, null);
    }

    /**
     * @param from a trained network whose weights the training begins with where they fit ({@link FineTuning}), or null. The mean image is
     *             that of the new data
     */
    public static Trainer create(
            Network network, Placement placement, Backend backend, Split data, String source, TrainingOptions options, Checkpoint from) {
        DataFit.require(network, data);
        Rates.requireLayers(network, options.learningRate());
        options.frozen().forEach(layer -> FineTuning.requireFreezable(network, layer));
        FineTuning start = from == null ? null : FineTuning.of(from, network, data.training().classNames());
        if (options.output() != null) {
            OutputFolder.requireNew(options.output());
        }
        Session session = session(network, placement, backend, data, options);
        Trainer trainer = null;
        try {
            ImageStatistics statistics = Datasets.statistics(data.training(), STATISTICS_IMAGES);
            float[] mean = statistics.mean(options.mean());
            float[] colours = options.augmentation().colourNoise() > 0 ? statistics.principalColours().deviations() : null;
            session.setMean(mean);
            session.initialise(options.seed());
            if (start != null) {
                start.apply(from, session);
            }
            TrainingState state = TrainingState.initial(options, source, data.training().size(), backend.arithmetic());
            trainer = new Trainer(network, data, session, mean, colours, state, options);
            if (options.output() != null) {
                trainer.output = TrainingOutput.create(options, network);
                trainer.writeCheckpoint(TrainingListener.SILENT);
                trainer.output.writeNetwork();
            }
            return trainer;
        } catch (RuntimeException | Error e) {
            closeAll(trainer == null ? null : trainer.output, session);
            throw e;
        }
    }

    /**
     * Goes on exactly where the checkpoint left off, if the backend has the arithmetic of its state; with another there is a warning.
     * What changes the course of training comes from the checkpoint; epochs, steps,
     * checkpointEvery, keepCheckpoints, loaderThreads and output from {@code options}.
     */
    public static Trainer resume(Checkpoint checkpoint, Placement placement, Backend backend, Split data, TrainingOptions options) {
        DataFit.requireResumable(checkpoint, data);
        Network network = checkpoint.network();
        TrainingOptions all = checkpoint.state().options().continued(options);
        TrainingState state = checkpoint.state().continued(all, backend.arithmetic());
        Session session = session(network, placement, backend, data, all);
        Trainer trainer = null;
        try {
            session.set(checkpoint.tensors());
            trainer = new Trainer(network, data, session, checkpoint.tensors().get(Checkpoint.MEAN),
                    checkpoint.tensors().get(Checkpoint.COLOURS), state, all);
            trainer.warnIfOther(checkpoint.state().arithmetic());
            if (all.output() != null) {
                trainer.output = TrainingOutput.resume(all, network, state, trainer.warnings::add);
                trainer.lastValidation = trainer.output.lastValidation();
                if (trainer.output.lastCheckpoint() == null) {
                    trainer.writeCheckpoint(TrainingListener.SILENT);
                }
                trainer.output.writeNetwork();
            }
            return trainer;
        } catch (RuntimeException | Error e) {
            closeAll(trainer == null ? null : trainer.output, session);
            throw e;
        }
    }

    private void warnIfOther(Arithmetic before) {
        if (!state.arithmetic().equals(before)) {
            warnings.add("the training was computed in " + before + " and goes on in " + state.arithmetic()
                    + ": its numbers will not be those of one "
                    + "that was never stopped");
        }
    }

    private static Session session(Network network, Placement placement, Backend backend, Split data, TrainingOptions options) {
        // what is frozen is not scaled back either
        List<Layer> layers = network.layers().stream()
                .map(layer -> layer instanceof Layer.Convolution c && options.frozen().contains(c.name())
                        ? new Layer.Convolution(c.name(), c.filters(), c.kernel(), c.stride(), c.padding(), c.groups(), c.rounding(),
                                c.bias(), c.initialization())
                        : layer)
                .toList();
        Network planned = new Network(network.name(), network.input(), network.inputScale(), layers);
        return new Session(planned, placement, backend, data.training().stored(), options.batch(), options.dropout(),
                options.augmentation(), options.learningRate().leavesColourNoiseOff());
    }

    /** Trains to the end, or until {@link #requestStop}; then a checkpoint is written. */
    public synchronized Result train(TrainingListener listener) {
        long last = state.lastStep();
        listener.started(state.step(), last, Math.ceilDiv(state.images(), options.batch()));
        warnings.forEach(listener::warning);
        warnings.clear();
        if (validationDue()) { // stopped before it was done
            validate(listener);
            writeCheckpoint(listener);
        }
        if (state.step() < last && !stop) {
            try (BatchLoader loader = BatchLoader.training(data.training(), network.input(), options.batch(), options.seed(),
                    options.shuffle(), options.augmentation(), colours, options.learningRate()::colourNoise, state.step(),
                    options.loaderThreads())) {
                run(loader, listener);
            } finally {
                session.pause();
            }
        }
        boolean completed = state.step() >= last && !validationDue();
        return new Result(completed ? End.COMPLETED : End.STOPPED, state.step(), lastValidation,
                output == null ? null : output.lastCheckpoint());
    }

    private void run(BatchLoader loader, TrainingListener listener) {
        boolean stopping = stop;
        while (state.step() < state.lastStep() && !stopping) {
            step(loader, listener);
            if (validationDue()) {
                validate(listener);
            }
            stopping = stop; // read once, so that a loop that ends has written
            boolean every = options.checkpointEvery() > 0 && state.step() % options.checkpointEvery() == 0;
            if (every || stopping || state.atEpochEnd() || state.step() == state.lastStep()) {
                writeCheckpoint(listener);
            }
        }
    }

    private void step(BatchLoader loader, TrainingListener listener) {
        long start = System.nanoTime();
        double rate = state.learningRate(state.step());
        announce(RateChange.byEpoch(state), listener);
        TrainingState next = state.stepped();
        boolean ahead = next.step() < next.lastStep() && !next.atEpochEnd() && !stop; // else a validation or the end comes first
        LoadedPlan results = session.train(loader::next, rates.of(state), ahead);
        String layer = results.notFinite();
        if (layer != null) {
            throw diverged(layer, state.step() + 1, rate);
        }
        state = next;
        int images = results.present();
        if (images == 0) {
            return; // every image of the batch is damaged: there is nothing to tell
        }
        double seconds = Math.max(1, System.nanoTime() - start) * 1e-9;
        Metrics metrics = new Metrics("train", state.step(), state.epoch(state.step()), results.lossSum() / images,
                (double) results.top1() / images, (double) results.top5() / images, rate, images / seconds);
        if (output != null) {
            output.write(metrics);
        }
        listener.step(metrics);
        String warning = flatLoss.add(state.step(), metrics.loss());
        if (warning != null) {
            listener.warning(warning);
        }
    }

    /** @param change or null */
    private void announce(RateChange change, TrainingListener listener) {
        if (change != null) {
            if (output != null) {
                output.write(change);
            }
            listener.rateChanged(change);
        }
    }

    private boolean validationDue() {
        return !state.validated() && (state.atEpochEnd() || state.step() >= state.lastStep()) && data.validation().size() > 0;
    }

    /** Leaves the state as it is if stop is requested meanwhile. */
    private void validate(TrainingListener listener) {
        double rate = state.learningRate(state.step() - 1);
        Evaluator.Result result = new Evaluator(session, network.input(), options.batch(), options.loaderThreads())
                .evaluate(data.validation(), listener, () -> stop);
        if (result == null) {
            return;
        }
        if (result.notFinite() != null) {
            throw diverged(result.notFinite(), state.step(), rate);
        }
        lastValidation = result.metrics(state.step(), state.epoch(state.step()), rate);
        TrainingState before = state;
        state = state.atEpochEnd() ? state.validated(1 - result.top1()) : state.validatedAtEnd();
        if (output != null) {
            output.write(lastValidation);
        }
        listener.validated(lastValidation);
        announce(RateChange.byValidation(before, state), listener);
    }

    private TrainingDivergedException diverged(String layer, long step, double rate) {
        String kept = output == null || output.lastCheckpoint() == null ? "" : "; the last good checkpoint is " + output.lastCheckpoint();
        return new TrainingDivergedException(layer + ": gives NaN or infinity at step " + step + " with learning rate " + rate
                + ", so training has diverged: try a smaller learning rate" + kept, layer, step);
    }

    private void writeCheckpoint(TrainingListener listener) {
        if (output == null) {
            return;
        }
        try {
            listener.checkpoint(output.writeCheckpoint(state, data.training(), this::tensor));
        } catch (CheckpointFile.NotFiniteException e) {
            String layer = e.tensor.substring(0, e.tensor.lastIndexOf('.')).replace("momentum.", "");
            throw diverged(layer, state.step(), state.learningRate(Math.max(0, state.step() - 1)));
        }
    }

    /** By its name in checkpoints. */
    private float[] tensor(String name) {
        return switch (name) {
            case Checkpoint.MEAN -> mean;
            case Checkpoint.COLOURS -> colours;
            default -> session.tensor(name);
        };
    }

    /** From any thread: finish the step, write a checkpoint, return. A validation that is going on is done again on resuming. */
    public void requestStop() {
        stop = true;
    }

    /**
     * One parameter as it is now, in canonical order; a listener may ask for it while {@link #train} goes on.
     *
     * @param name such as {@code conv1.weight}
     * @throws IllegalArgumentException if the network has no such parameter
     */
    public synchronized float[] parameter(String name) {
        return session.tensor(name);
    }

    /** The network that is trained. */
    public Network network() {
        return network;
    }

    /** The model as it is now. */
    public synchronized Checkpoint snapshot() {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        session.shapes().forEach(shape -> tensors.put(shape.name(), tensor(shape.name())));
        session.shapes().forEach(shape -> tensors.put(shape.momentumName(), tensor(shape.momentumName())));
        tensors.put(Checkpoint.MEAN, mean.clone());
        if (colours != null) {
            tensors.put(Checkpoint.COLOURS, colours.clone());
        }
        return new Checkpoint(network, data.training().classNames(), data.training().stored(), tensors, state);
    }

    @Override
    public synchronized void close() {
        closeAll(output, session);
    }

    private static void closeAll(TrainingOutput output, Session session) {
        try (session) {
            if (output != null) {
                output.close();
            }
        }
    }
}
