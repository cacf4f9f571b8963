package duet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import duet.data.BatchLoader;
import duet.data.Split;
import duet.device.Backend;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.Metrics;
import duet.train.output.OutputFolder;
import duet.train.output.TrainingListener;
import duet.train.output.TrainingOutput;
import duet.train.schedule.Parts;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;

/**
 * Trains a network. Owns neither the backend nor the data. Only {@link #requestStop} may be called while another method runs.
 * Training is a function of the network, data and options: stopped (or killed) and resumed, it ends with the same bits.
 */
public final class Trainer implements AutoCloseable {
    private final Network network;
    private final Split data;
    private final TrainingOptions options;
    private final Session session;
    private final ModelTensors tensors;
    private final Rates rates;
    private final FlatLoss flatLoss;
    private final List<String> warnings = new ArrayList<>();
    private TrainingRecord record = new TrainingRecord(null);
    private TrainingState state;
    private Metrics lastValidation;
    /** What processes without an output folder ask of the devices is what the one that writes asks. */
    private final boolean written;
    /** As they were when a listener was last told of a validation; null where each process can read them whenever it likes. */
    private Map<String, float[]> gathered;
    private final Ranks ranks;
    private volatile boolean stop;

    private Trainer(Network network, Split data, ModelTensors tensors, TrainingState state, TrainingOptions options, Ranks ranks) {
        this.ranks = ranks;
        this.network = network;
        this.data = data;
        this.session = tensors.session();
        this.tensors = tensors;
        this.state = state;
        this.options = options;
        rates = new Rates(session.shapes());
        flatLoss = new FlatLoss(network.classes());
        written = ranks.any("who writes", options.output() != null);
        gather();
    }

    /** How training ended. */
    public enum End {
        /** after its last step */
        COMPLETED,
        /** before that, since validations did not bring a lower error: {@link TrainingOptions#earlyStop} */
        EARLY,
        /** before that, by {@link #requestStop} */
        STOPPED
    }

    /**
     * What a training has come to.
     *
     * @param end        whether all steps were done, or why not
     * @param steps      done in all
     * @param validation the last validation, or null if there was none
     * @param checkpoint the last checkpoint, or null without an output folder
     */
    public record Result(End end, long steps, Metrics validation, Path checkpoint) {}

    /**
     * Begins a new training. The output folder must be empty or not exist.
     *
     * @param network   to be trained
     * @param placement on how many devices, and how
     * @param backend   the devices; stays open
     * @param data      images to learn from and to validate with; stays open. Checkpoints name them by the training images' description
     * @param options   how to train
     * @return a trainer that has not done a step yet; close it
     */
    public static Trainer create(Network network, Placement placement, Backend backend, Split data, TrainingOptions options) {
        return create(network, placement, backend, data, data.training().description(), options);
    }

    /**
     * Begins a new training of data that were opened by name. The output folder must be empty or not exist.
     *
     * @param network   to be trained
     * @param placement on how many devices, and how
     * @param backend   the devices; stays open
     * @param data      images to learn from and to validate with; stays open
     * @param source    what the data were opened from, kept in checkpoints: the option --data
     * @param options   how to train
     * @return a trainer that has not done a step yet; close it
     */
    public static Trainer create(
            Network network, Placement placement, Backend backend, Split data, String source, TrainingOptions options) {
        return create(network, placement, backend, data, source, options, null);
    }

    /**
     * Begins a new training, also with weights that another one has left. The output folder must be empty or not exist. A batch that is
     * larger than the data becomes as large as they are, with a warning.
     *
     * @param network   to be trained
     * @param placement on how many devices, and how
     * @param backend   the devices; stays open
     * @param data      images to learn from and to validate with; stays open
     * @param source    what the data were opened from, kept in checkpoints: the option --data
     * @param options   how to train
     * @param from      a trained network whose weights are taken where they fit ({@link FineTuning}), or null; the mean is the new data's
     * @return a trainer that has not done a step yet; close it
     */
    public static Trainer create(
            Network network, Placement placement, Backend backend, Split data, String source, TrainingOptions options, Checkpoint from) {
        DataFit.require(network, data);
        int images = data.training().size();
        TrainingOptions fitting = options.toBuilder().batch(Math.min(options.batch(), images)).build();
        Trainer trainer = begin(network, placement, backend, data, source, fitting, from);
        if (options.batch() > images) {
            trainer.warnings
                    .add("a batch of " + options.batch() + " is more than all " + images + " training images: the batch is " + images
                            + ", so a step is an epoch");
        }
        return trainer;
    }

    private static Trainer begin(
            Network network, Placement placement, Backend backend, Split data, String source, TrainingOptions options, Checkpoint from) {
        Rates.requireLayers(network, options.learningRate());
        options.frozen().forEach(layer -> FineTuning.requireFreezable(network, layer));
        FineTuning start = from == null ? null : FineTuning.of(from, network, data.training().classNames());
        if (options.output() != null) {
            OutputFolder.requireNew(options.output());
        }
        Agreement.onTraining(backend.ranks(), network, data, options);
        Agreement.onCheckpoint(backend.ranks(), "the network to begin with", from);
        Session session = session(network, placement, backend, data, options);
        Trainer trainer = null;
        try {
            ModelTensors tensors = ModelTensors.measured(session, data.training(), options);
            Agreement.onTensors(backend.ranks(), "the mean image", Map.of("mean", tensors.mean(), "colours",
                    tensors.colours() == null ? new float[0] : tensors.colours()));
            session.initialise(options.seed());
            if (start != null) {
                start.apply(from, session);
            }
            TrainingState state = TrainingState.initial(options, source, data.training().size(), backend.arithmetic(),
                    Parts.of(placement));
            trainer = new Trainer(network, data, tensors, state, options, backend.ranks());
            TrainingOutput output = options.output() == null ? null : TrainingOutput.create(options, network);
            trainer.record = new TrainingRecord(output);
            trainer.checkpoint(TrainingListener.SILENT);
            if (output != null) { // behind the checkpoint: a folder without one is as good as new
                output.writeNetwork();
            }
            return trainer;
        } catch (RuntimeException | Error e) {
            closeAll(trainer, session);
            throw e;
        }
    }

    /**
     * Goes on exactly where the checkpoint left off, if the backend has the arithmetic of its state; with another there is a warning.
     * What changes the course of training comes from the checkpoint.
     *
     * @param checkpoint of the training
     * @param placement  on how many devices, and how; it may be another one
     * @param backend    the devices; stays open
     * @param data       those that the training had; stays open
     * @param options    how long, how and where to: epochs, steps, earlyStop, checkpointEvery, keepCheckpoints, loaderThreads,
     *                   output
     * @return a trainer at the checkpoint's step; close it
     */
    public static Trainer resume(Checkpoint checkpoint, Placement placement, Backend backend, Split data, TrainingOptions options) {
        DataFit.requireResumable(checkpoint, data);
        Network network = checkpoint.network();
        TrainingOptions all = checkpoint.state().options().continued(options);
        TrainingState state = checkpoint.state().continued(all, backend.arithmetic(), Parts.of(placement));
        Agreement.onCheckpoint(backend.ranks(), "the checkpoint", checkpoint);
        Agreement.onTraining(backend.ranks(), network, data, all);
        Session session = session(network, placement, backend, data, all);
        Trainer trainer = null;
        try {
            session.set(checkpoint.tensors());
            trainer = new Trainer(network, data, new ModelTensors(session, checkpoint.tensors().get(Checkpoint.MEAN),
                    checkpoint.tensors().get(Checkpoint.COLOURS)), state, all, backend.ranks());
            trainer.warnings.addAll(state.changesFrom(checkpoint.state()));
            TrainingOutput output = all.output() == null ? null
                    : TrainingOutput.resume(all, network, state, trainer.warnings::add);
            trainer.record = new TrainingRecord(output);
            if (backend.ranks().any("whether a checkpoint is there", output != null && output.lastCheckpoint() == null)) {
                trainer.checkpoint(TrainingListener.SILENT);
            }
            if (output != null) {
                trainer.lastValidation = output.lastValidation();
                output.writeNetwork();
            }
            return trainer;
        } catch (RuntimeException | Error e) {
            closeAll(trainer, session);
            throw e;
        }
    }

    private static Session session(Network network, Placement placement, Backend backend, Split data, TrainingOptions options) {
        Network planned = FineTuning.withoutScaling(network, options.frozen());
        return new Session(planned, placement, backend, data.training().stored(), options.batch(), options.dropout(),
                options.augmentation(), options.learningRate().leavesColourNoiseOff());
    }

    /**
     * Trains to the end, or until {@link #requestStop}; then a checkpoint is written. Called again, it goes on.
     *
     * @param listener told what happens, on this thread
     * @return how it ended
     * @throws TrainingDivergedException if a result is not finite
     */
    public synchronized Result train(TrainingListener listener) {
        try {
            return trained(listener);
        } catch (RankLostException e) {
            throw record.lost(e, state.step());
        }
    }

    private Result trained(TrainingListener listener) {
        long last = state.lastStep();
        listener.started(state.step(), last, Math.ceilDiv(state.images(), options.batch()));
        warnings.forEach(listener::warning);
        warnings.clear();
        if (validationDue()) { // stopped before it was done
            validate(listener);
            checkpoint(listener);
        }
        boolean stopped = ranks.any("whether to stop", stop);
        if (state.step() < last && !stopped && !state.exhausted()) {
            try (BatchLoader loader = BatchLoader.training(data.training(), network.input(), options.batch(), options.seed(),
                    options.shuffle(), options.augmentation(), tensors.colours(), options.learningRate()::colourNoise, state.step(),
                    options.loaderThreads(), session.places())) {
                run(loader, listener);
            } finally {
                session.pause();
            }
        }
        gather();
        boolean completed = state.step() >= last && !validationDue();
        stop = false; // it is answered
        End end = completed ? End.COMPLETED : state.exhausted() && !validationDue() ? End.EARLY : End.STOPPED;
        return new Result(end, state.step(), lastValidation, record.lastCheckpoint());
    }

    private void run(BatchLoader loader, TrainingListener listener) {
        for (boolean stopping = false; state.step() < state.lastStep() && !stopping && !state.exhausted();) {
            step(loader, listener);
            if (validationDue()) {
                validate(listener);
            }
            stopping = ranks.any("whether to stop", stop); // asked once, so that a loop that ends has written
            boolean every = options.checkpointEvery() > 0 && state.step() % options.checkpointEvery() == 0;
            if (every || stopping || state.atEpochEnd() || state.step() == state.lastStep()) {
                checkpoint(listener);
            }
        }
    }

    /** Where other processes have some of the parameters or of the momentum, all of them take part in writing. */
    private void checkpoint(TrainingListener listener) {
        if (written && options.output() == null && !session.complete(true)) {
            tensors.all();
        } else {
            record.checkpoint(state, data.training(), tensors, listener);
        }
    }

    /** A listener asks on one process alone. */
    private void gather() {
        gathered = ranks.size() == 1 || session.complete(false) ? null : tensors.parameters();
    }

    private void step(BatchLoader loader, TrainingListener listener) {
        long start = System.nanoTime();
        double rate = state.learningRate(state.step());
        record.rateChanged(RateChange.byEpoch(state), listener);
        TrainingState next = state.stepped();
        boolean ahead = next.step() < next.lastStep() && !next.atEpochEnd() && !stop; // else a validation or the end comes first
        LoadedPlan results = session.train(loader::next, rates.of(state), ahead);
        String layer = results.notFinite();
        if (layer != null) {
            throw record.diverged(layer, state.step() + 1, rate);
        }
        state = next;
        int images = results.present();
        if (images == 0) {
            return; // every image of the batch is damaged: there is nothing to tell
        }
        double seconds = Math.max(1, System.nanoTime() - start) * 1e-9;
        Metrics metrics = new Metrics("train", state.step(), state.epoch(state.step()), results.lossSum() / images,
                (double) results.top1() / images, (double) results.top5() / images, rate, images / seconds);
        record.step(metrics, listener);
        String warning = flatLoss.add(state.step(), metrics.loss());
        if (warning != null) {
            listener.warning(warning);
        }
    }

    private boolean validationDue() {
        return !state.validated() && (state.atEpochEnd() || state.step() >= state.lastStep()) && data.validation().size() > 0;
    }

    /** Leaves the state as it is if stop is requested meanwhile. */
    private void validate(TrainingListener listener) {
        double rate = state.learningRate(state.step() - 1);
        Evaluator.Result result = new Evaluator(session, network.input(), options.batch(), options.loaderThreads())
                .evaluate(data.validation(), listener, () -> ranks.any("whether to stop", stop));
        if (result == null) {
            return;
        }
        if (result.notFinite() != null) {
            throw record.diverged(result.notFinite(), state.step(), rate);
        }
        lastValidation = result.metrics(state.step(), state.epoch(state.step()), rate);
        TrainingState before = state;
        state = state.atEpochEnd() ? state.validated(1 - result.top1()) : state.validatedAtEnd();
        gather();
        record.validated(lastValidation, listener);
        record.rateChanged(RateChange.byValidation(before, state), listener);
    }

    /**
     * Asks {@link #train}, from any thread, to finish the step, write a checkpoint and return; if it is not running, the next call returns
     * at once. A validation that is going on is done again when the training goes on.
     */
    public void requestStop() {
        stop = true;
    }

    /**
     * {@return one parameter as it is now, in canonical order} A listener may ask for it while {@link #train} goes on. Where several
     * processes have parts of it, it is as at the last validation.
     *
     * @param name such as {@code conv1.weight}
     * @throws IllegalArgumentException if the network has no such parameter
     */
    public synchronized float[] parameter(String name) {
        return gathered != null && gathered.containsKey(name) ? gathered.get(name).clone() : session.tensor(name);
    }

    /** {@return the network that is trained} */
    public Network network() {
        return network;
    }

    /** {@return how it trains: the options that it was made with, with a batch no larger than the data} */
    public TrainingOptions options() {
        return options;
    }

    /** {@return the model as it is now} Where several processes train, all of them call this. */
    public synchronized Checkpoint snapshot() {
        return new Checkpoint(network, data.training().classNames(), data.training().stored(), tensors.all(), state);
    }

    @Override
    public synchronized void close() {
        closeAll(this, session);
    }

    private static void closeAll(Trainer trainer, Session session) {
        try (session) {
            if (trainer != null) {
                trainer.record.close();
            }
        }
    }
}
