package duet.train;

import java.nio.ByteBuffer;
import java.nio.IntBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.data.Augmentation;
import duet.data.Batch;
import duet.device.Backend;
import duet.device.Ranks;
import duet.device.RunParameters;
import duet.device.Storage;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Requests;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;

/**
 * A network on the devices of a backend: its plans (checked before they are used), memory and programs. Parameters go in and out in
 * canonical form, whatever the placement. The programs for training and for evaluation share parameters and scratch memory.
 */
public final class Session implements AutoCloseable {
    private final List<AutoCloseable> owned = new ArrayList<>();
    private final LoadedPlan training;
    /** For batches without colour noise where training has it otherwise; else null. */
    private final LoadedPlan withoutNoise;
    /** One for each size of a batch, from the smallest up; they share the parameters. */
    private final List<LoadedPlan> evaluations;
    /** The last one that ran. */
    private LoadedPlan evaluation;
    private final List<ParameterShape> shapes;
    private final Ranks ranks;
    /** Handed over too early for a program that is not the one that runs; else null. */
    private Batch waiting;
    private LoadedPlan stagedRunner;
    private boolean closed;

    /**
     * Plans, checks and loads a network. Its parameters are 0 until they are set or initialised.
     *
     * @param network   what to compute
     * @param placement where
     * @param backend   its devices; stays open
     * @param stored    size of the stored images
     * @param batch     images of a run
     * @param trains    false: evaluation only, and no momentum
     * @param dropout   whether the network is trained with its dropout layers
     */
    public Session(Network network, Placement placement, Backend backend, Shape stored, int batch, boolean trains, boolean dropout) {
        this(network, placement, backend, stored, List.of(batch), trains, dropout, Requests.NONE, Augmentation.NONE, false);
    }

    /**
     * Plans, checks and loads a network for evaluations of several sizes, so that few images cost less than many.
     *
     * @param network   what to compute
     * @param placement where
     * @param backend   its devices; stays open
     * @param stored    size of the stored images
     * @param batches   images of a run, one or more sizes
     * @param dropout   whether the network was trained with its dropout layers
     */
    public Session(Network network, Placement placement, Backend backend, Shape stored, List<Integer> batches, boolean dropout) {
        this(network, placement, backend, stored, batches, false, dropout, Requests.NONE, Augmentation.NONE, false);
    }

    /**
     * For training with an augmentation.
     *
     * @param noiseEnds whether there are batches without its colour noise, too
     */
    Session(Network network, Placement placement, Backend backend, Shape stored, int batch, boolean dropout, Augmentation augmentation,
            boolean noiseEnds) {
        this(network, placement, backend, stored, List.of(batch), true, dropout, Requests.NONE, augmentation, noiseEnds);
    }

    /**
     * Plans, checks and loads a network for evaluations that give out more than losses, ranks and probabilities.
     *
     * @param network   what to compute
     * @param placement where
     * @param backend   its devices; stays open
     * @param stored    size of the stored images
     * @param batch     images of a run
     * @param dropout   whether the network was trained with its dropout layers
     * @param requests  what is given out
     */
    public Session(Network network, Placement placement, Backend backend, Shape stored, int batch, boolean dropout, Requests requests) {
        this(network, placement, backend, stored, List.of(batch), false, dropout, requests, Augmentation.NONE, false);
    }

    /**
     * @param requests     what evaluations give out besides
     * @param augmentation of the batches to train on
     */
    private Session(Network network, Placement placement, Backend backend, Shape stored, List<Integer> batches, boolean trains,
            boolean dropout, Requests requests, Augmentation augmentation, boolean noiseEnds) {
        if (backend.devices().size() != placement.devices()) {
            throw new TrainingException(
                    "the placement " + placement.label() + " needs " + placement.devices() + " device(s), but there are "
                            + backend.devices().size() + " (" + backend.description() + ")");
        }
        SessionPlans plans = SessionPlans.make(
                network, placement, backend, stored, batches, trains, dropout, requests, augmentation, noiseEnds);
        shapes = network.parameters();
        ranks = backend.ranks();
        try {
            Storage persistent = own(backend.allocate(plans.persistentBytes()));
            Storage scratch = own(backend.allocateScratch(plans.scratchBytes()));
            evaluations = plans.evaluations().stream().map(plan -> load(backend, plan, persistent, scratch)).toList();
            evaluation = evaluations.getLast();
            training = load(backend, plans.training(), persistent, scratch);
            withoutNoise = load(backend, plans.withoutNoise(), persistent, scratch);
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    private LoadedPlan load(Backend backend, Plan plan, Storage persistent, Storage scratch) {
        return plan == null ? null : new LoadedPlan(plan, own(backend.load(plan.streams(), plan.regions(), persistent, scratch)));
    }

    private <T extends AutoCloseable> T own(T resource) {
        owned.add(resource);
        return resource;
    }

    /**
     * Runs one training step.
     *
     * @param batches    gives the batch of this step, unless it has been handed over already, and the next one's
     * @param parameters seed, step and rates
     * @param ahead      hand over the next step's batch while this one runs; then no evaluation may come in between
     * @return the plan, with the step's results
     */
    public LoadedPlan train(Supplier<Batch> batches, RunParameters parameters, boolean ahead) {
        requireOpen();
        Batch batch = stagedRunner != null ? null : waiting != null ? waiting : batches.get();
        LoadedPlan runner = stagedRunner != null ? stagedRunner : runner(batch);
        stagedRunner = null;
        waiting = null;
        runner.start(batch, parameters);
        if (ahead) {
            stage(batches.get(), runner);
        }
        runner.finish();
        return runner;
    }

    private LoadedPlan runner(Batch batch) {
        return withoutNoise != null && batch.colourShifts() == null ? withoutNoise : training;
    }

    /** The programs share memory: only the one that runs may be given its next batch. */
    private void stage(Batch next, LoadedPlan running) {
        if (runner(next) == running) {
            running.stage(next);
            stagedRunner = running;
        } else {
            waiting = next;
        }
    }

    /** Training stops for now: a batch that was handed over ahead will not be used. */
    void pause() {
        if (stagedRunner != null) {
            stagedRunner.unstage();
        }
        stagedRunner = null;
        waiting = null;
    }

    /**
     * Runs one batch forward.
     *
     * @param batch of a size that the session was made for, absent images included
     * @return the plan, with the results
     */
    public LoadedPlan evaluate(Batch batch) {
        requireOpen();
        evaluation = evaluations.stream().filter(e -> e.plan().batch() == batch.labels().length).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no evaluation of " + batch.labels().length + " images"));
        evaluation.run(batch, RunParameters.NONE);
        return evaluation;
    }

    /**
     * Features for the next evaluations to project; see {@link Requests#projected()}.
     *
     * @param features [batch][channels][height][width] of the layer
     */
    public void setFeatures(float[] features) {
        requireOpen();
        evaluations.getLast().setFeatures(features);
    }

    /** {@return the plan that evaluates, with the results of the last {@link #evaluate}} */
    public LoadedPlan lastEvaluation() {
        return evaluation;
    }

    /** {@return the parameters' shapes, in network order} */
    public List<ParameterShape> shapes() {
        return shapes;
    }

    /** {@return the places of a batch that this process reads; all but where several processes share the batch} */
    BitSet places() {
        return evaluation.places();
    }

    /** The labels of a batch, also of the images that other processes have read: all of them ask. */
    int[] labels(Batch batch) {
        int[] labels = batch.labels();
        BitSet own = places();
        if (own.cardinality() == labels.length) {
            return labels;
        }
        ByteBuffer sent = ByteBuffer.allocate(Integer.BYTES * labels.length);
        for (int i = 0; i < labels.length; i++) {
            sent.putInt(own.get(i) ? labels[i] : -1);
        }
        int[] all = new int[labels.length];
        Arrays.fill(all, -1);
        for (byte[] answer : ranks.gather("the labels", sent.array())) {
            IntBuffer theirs = ByteBuffer.wrap(answer).asIntBuffer();
            for (int i = 0; i < all.length; i++) {
                all[i] = Math.max(all[i], theirs.get(i)); // -1 where it was read by another
            }
        }
        return all;
    }

    /**
     * Whether this process can read every parameter without the others.
     *
     * @param momentum and every momentum
     */
    boolean complete(boolean momentum) {
        PartedParameters parts = parts();
        return IntStream.range(0, shapes.size())
                .allMatch(index -> parts.everywhere(index, false) && (!momentum || parts.everywhere(index, true)));
    }

    /** A parameter in canonical form. */
    float[] parameter(int index) {
        return parts().read(index, false);
    }

    float[] momentum(int index) {
        return parts().read(index, true);
    }

    void setParameter(int index, float[] values) {
        parts().write(index, false, values);
    }

    void setMomentum(int index, float[] values) {
        parts().write(index, true, values);
    }

    /**
     * Sets the mean image that is taken off each image.
     *
     * @param mean canonical order, of the stored size
     */
    public void setMean(float[] mean) {
        requireOpen();
        evaluation.plan().inputs().forEach(inputs -> evaluation.program().write(inputs.mean(), mean));
    }

    private PartedParameters parts() {
        requireOpen();
        LoadedPlan runner = training == null ? evaluation : training;
        return new PartedParameters(runner.plan().parameters(), runner.program());
    }

    /**
     * Sets every parameter, momentum and the mean from a checkpoint's tensors.
     *
     * @param tensors by their names in a checkpoint
     */
    public void set(Map<String, float[]> tensors) {
        for (int i = 0; i < shapes.size(); i++) {
            setParameter(i, tensors.get(shapes.get(i).name()));
            if (training != null) {
                float[] momentum = tensors.get(shapes.get(i).momentumName());
                if (momentum == null) {
                    throw new IllegalArgumentException("a training goes on with momentum; Checkpoint.read reads it");
                }
                setMomentum(i, momentum);
            }
        }
        setMean(tensors.get(Checkpoint.MEAN));
    }

    /** A parameter or its momentum, by its name in checkpoints. */
    float[] tensor(String name) {
        for (int i = 0; i < shapes.size(); i++) {
            if (shapes.get(i).name().equals(name)) {
                return parameter(i);
            }
            if (shapes.get(i).momentumName().equals(name)) {
                return momentum(i);
            }
        }
        throw new IllegalArgumentException("no tensor " + name);
    }

    /**
     * Sets every parameter as the network wants it to start; momentum is zero in a new session.
     *
     * @param seed of the training
     */
    public void initialise(long seed) {
        for (int i = 0; i < shapes.size(); i++) {
            setParameter(i, shapes.get(i).initial(seed, i));
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("already closed");
        }
    }

    /** Programs first, then the memory that they use. */
    @Override
    public void close() {
        closed = true;
        RuntimeException failure = null;
        for (AutoCloseable resource : owned.reversed()) {
            try {
                resource.close();
            } catch (Exception e) {
                RuntimeException now = e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
                if (failure == null) {
                    failure = now;
                } else {
                    failure.addSuppressed(now);
                }
            }
        }
        owned.clear();
        if (failure != null) {
            throw failure;
        }
    }
}
