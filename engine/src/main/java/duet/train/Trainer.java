package duet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.data.BatchLoader;
import duet.data.Datasets;
import duet.data.Split;
import duet.device.Backend;
import duet.device.RunParameters;
import duet.net.Network;
import duet.plan.Placement;

/**
 * Trains a network. Owns neither the backend nor the data. Only {@link #requestStop} may be called while another method runs.
 * Training is a function of the network, data and options: stopped (or killed) and resumed, it ends with the same bits.
 */
public final class Trainer implements AutoCloseable {
    /** The mean image is that of so many images at most; with them it is known to about one grey level. */
    private static final int MEAN_IMAGES = 2_000;

    private final Network network;
    private final Split data;
    private final TrainingOptions options;
    private final Session session;
    private final float[] mean;
    private final FlatLoss flatLoss;
    private final List<String> warnings = new ArrayList<>();
    private TrainingOutput output;
    private TrainingState state;
    private Metrics lastValidation;
    private volatile boolean stop;

    private Trainer(Network network, Split data, Session session, float[] mean, TrainingState state, TrainingOptions options) {
        this.network = network;
        this.data = data;
        this.session = session;
        this.mean = mean;
        this.state = state;
        this.options = options;
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
        options.frozen().forEach(layer -> FineTuning.requireFreezable(network, layer));
        FineTuning start = from == null ? null : FineTuning.of(from, network, data.training().classNames());
        if (options.output() != null) {
            OutputFolder.requireNew(options.output());
        }
        Session session = session(network, placement, backend, data, options);
        Trainer trainer = null;
        try {
            float[] mean = Datasets.meanImage(data.training(), MEAN_IMAGES);
            session.setMean(mean);
            session.initialise(options.seed());
            if (start != null) {
                start.apply(from, session);
            }
            TrainingState state = TrainingState.initial(options, source, data.training().size());
            trainer = new Trainer(network, data, session, mean, state, options);
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
     * Goes on exactly where the checkpoint left off. What changes the course of training comes from the checkpoint; epochs, steps,
     * checkpointEvery, keepCheckpoints, loaderThreads and output from {@code options}.
     */
    public static Trainer resume(Checkpoint checkpoint, Placement placement, Backend backend, Split data, TrainingOptions options) {
        DataFit.requireResumable(checkpoint, data);
        Network network = checkpoint.network();
        TrainingOptions all = checkpoint.state().options().continued(options);
        TrainingState state = checkpoint.state().withOptions(all);
        Session session = session(network, placement, backend, data, all);
        Trainer trainer = null;
        try {
            session.set(checkpoint.tensors());
            trainer = new Trainer(network, data, session, checkpoint.tensors().get(Checkpoint.MEAN), state, all);
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

    private static Session session(Network network, Placement placement, Backend backend, Split data, TrainingOptions options) {
        return new Session(network, placement, backend, data.training().stored(), options.batch(), true, options.dropout());
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
                    options.shuffle(), options.augmentation(), state.step(), options.loaderThreads())) {
                run(loader, listener);
            } finally {
                session.pause();
            }
        }
        if (output != null) {
            output.draw(() -> session.parameter(0), true, listener);
        }
        boolean completed = state.step() >= last && !validationDue();
        return new Result(completed ? End.COMPLETED : End.STOPPED, state.step(), lastValidation,
                output == null ? null : output.lastCheckpoint());
    }

    private void run(BatchLoader loader, TrainingListener listener) {
        int parameters = session.shapes().size();
        RunParameters reused = new RunParameters(options.seed(), 0, new float[parameters], new float[parameters], (float) options.momentum());
        for (int i = 0; i < parameters; i++) {
            boolean decays = (!session.shapes().get(i).bias() || options.biasWeightDecay()) && !frozen(i);
            reused.weightDecays()[i] = decays ? (float) options.weightDecay() : 0;
        }
        boolean stopping = stop;
        while (state.step() < state.lastStep() && !stopping) {
            step(loader, reused, listener);
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

    private void step(BatchLoader loader, RunParameters reused, TrainingListener listener) {
        long start = System.nanoTime();
        double rate = state.learningRate(state.step());
        for (int i = 0; i < reused.learningRates().length; i++) {
            double own = session.shapes().get(i).bias() ? rate * options.biasRateFactor() : rate;
            reused.learningRates()[i] = frozen(i) ? 0 : (float) own;
        }
        TrainingState next = state.stepped();
        boolean ahead = next.step() < next.lastStep() && !next.atEpochEnd() && !stop; // else a validation or the end comes first
        Runner results = session.train(loader::next, new RunParameters(
                reused.seed(), state.step(), reused.learningRates(), reused.weightDecays(), reused.momentum()), ahead);
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

    /** Its momentum is 0 from the start, so that at rate 0 it keeps its bits. */
    private boolean frozen(int parameter) {
        return options.frozen().contains(session.shapes().get(parameter).layer());
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
        state = state.atEpochEnd() ? state.validated(1 - result.top1()) : state.validatedAtEnd();
        if (output != null) {
            output.write(lastValidation);
            output.draw(() -> session.parameter(0), false, listener);
        }
        listener.validated(lastValidation);
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
        return name.equals(Checkpoint.MEAN) ? mean : session.tensor(name);
    }

    /** From any thread: finish the step, write a checkpoint, return. A validation that is going on is done again on resuming. */
    public void requestStop() {
        stop = true;
    }

    /** The model as it is now. */
    public synchronized Checkpoint snapshot() {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        session.shapes().forEach(shape -> tensors.put(shape.name(), tensor(shape.name())));
        session.shapes().forEach(shape -> tensors.put(shape.momentumName(), tensor(shape.momentumName())));
        tensors.put(Checkpoint.MEAN, mean.clone());
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
