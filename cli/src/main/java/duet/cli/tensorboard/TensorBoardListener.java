package duet.cli.tensorboard;

import java.awt.AWTError;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Supplier;

import duet.cli.output.Top5;
import duet.cli.tensorboard.proto.TensorBoard.Event;
import duet.cli.tensorboard.proto.TensorBoard.SessionLog;
import duet.cli.tensorboard.proto.TensorBoard.Summary;
import duet.files.Reasons;
import duet.net.Network;
import duet.pictures.PictureOf;
import duet.train.Trainer;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.use.Evaluation;

/**
 * Writes a training down for TensorBoard, into an event file of its output folder: scalars of each step and validation, as in
 * {@code metrics.jsonl}; after validations pictures of filters and confusions and histograms of parameters; at the beginning the network as
 * a graph, and hyperparameters. Events are worth no training: what goes wrong is a warning, once, and then there are no more.
 */
public final class TensorBoardListener implements TrainingListener, AutoCloseable {
    /** Pictures and histograms take one part in this many of the time: after the first validation and the last, others are passed over. */
    private static final int SHARE_OF_TIME = 200;
    private static final double MILLISECONDS = 1000;

    private final Trainer trainer;
    private final Hyperparameters hyperparameters;
    private final Consumer<String> warning;
    private final Opener opener;
    private final boolean top5;
    private final List<String> classNames;
    /** Of the validation that goes on. */
    private Evaluation.Tally answers;
    /** Of the last validation. */
    private Evaluation evaluation;
    private final ParameterHistory parameters;
    /** null before the first event. */
    private EventFile file;
    private boolean writes = true;
    private boolean drawing = true;
    private long begun;
    /** On pictures and histograms, ns. */
    private long spent;
    private long lastStep;
    /** A validation whose pictures and histograms have not been made; else null. */
    private Metrics pending;

    /** Makes a new event file in a folder; the time is in seconds. */
    interface Opener {
        EventFile open(Path folder, double seconds) throws IOException;
    }

    private interface Writing {
        void write() throws IOException;
    }

    /**
     * Begins the events of a trainer that has just been made or resumed.
     *
     * @param trainer    with an output folder
     * @param classNames of the validation images
     * @param setting    hyperparameters that are not among the trainer's options, by name
     * @param warning    told in a sentence if there will be no more events
     */
    public TensorBoardListener(Trainer trainer, List<String> classNames, Map<String, String> setting, Consumer<String> warning) {
        this(trainer, classNames, setting, warning, EventFile::create);
    }

    TensorBoardListener(Trainer trainer, List<String> classNames, Map<String, String> setting, Consumer<String> warning, Opener opener) {
        this.trainer = trainer;
        this.warning = warning;
        this.opener = opener;
        hyperparameters = Hyperparameters.of(trainer.network(), trainer.options(), setting);
        top5 = Top5.saysSomething(classNames.size());
        this.classNames = List.copyOf(classNames);
        answers = new Evaluation.Tally(classNames, 0);
        parameters = new ParameterHistory(trainer);
    }

    @Override
    public void started(long firstStep, long last, long stepsPerEpoch) {
        begun = System.nanoTime();
        lastStep = firstStep;
        answers = new Evaluation.Tally(classNames, 0); // one may have been broken off
        close(); // a trainer that goes on begins another file
        attempt(() -> {
            Path folder = trainer.options().output();
            boolean first = EventFile.in(folder).isEmpty();
            file = opener.open(folder, seconds());
            // From the second start on TensorBoard forgets steps from this one on: those of a killed training after its last checkpoint.
            file.write(event(firstStep + 1).setSessionLog(SessionLog.newBuilder().setStatus(SessionLog.SessionStatus.START)).build());
            if (first) {
                introduce();
            }
            parameters.begin(warning);
        });
    }

    private void introduce() throws IOException {
        Network network = trainer.network();
        file.write(event(0).setGraphDef(NetworkGraph.of(network).toByteString()).build());
        List<String> compared = new ArrayList<>(List.of("top1/validation", "loss/validation"));
        if (top5) {
            compared.add(1, "top5/validation");
        }
        write(0, List.of(Summaries.hyperparameters("experiment", hyperparameters.experiment(compared)),
                Summaries.hyperparameters("session_start_info", hyperparameters.started(seconds()))));
    }

    @Override
    public void step(Metrics metrics) {
        lastStep = metrics.step();
        attempt(() -> {
            List<Summary.Value> values = scalars("train", metrics);
            values.add(Summaries.scalar("learning_rate", metrics.learningRate()));
            values.add(Summaries.scalar("images_per_second", metrics.imagesPerSecond()));
            write(metrics.step(), values);
        });
    }

    private List<Summary.Value> scalars(String part, Metrics metrics) {
        List<Summary.Value> values = new ArrayList<>();
        values.add(Summaries.scalar("loss/" + part, metrics.loss()));
        values.add(Summaries.scalar("top1/" + part, metrics.top1()));
        if (top5) {
            values.add(Summaries.scalar("top5/" + part, metrics.top5()));
        }
        return values;
    }

    @Override
    public void answered(int[] labels, Supplier<float[]> probabilities) {
        attempt(() -> answers.add(0, labels, probabilities.get()));
    }

    @Override
    public void validated(Metrics metrics) {
        evaluation = answers.result();
        answers = new Evaluation.Tally(classNames, 0);
        attempt(() -> {
            write(metrics.step(), scalars("validation", metrics));
            pending = metrics;
            if ((System.nanoTime() - begun) / SHARE_OF_TIME >= spent) {
                describe();
            }
        });
    }

    /** Pictures and histograms of the pending validation. */
    private void describe() throws IOException {
        long start = System.nanoTime();
        List<Summary.Value> values = new ArrayList<>();
        parameters.describe(values);
        draw(values);
        write(pending.step(), values);
        pending = null;
        spent += System.nanoTime() - start;
    }

    private void draw(List<Summary.Value> values) {
        if (!drawing) {
            return;
        }
        try {
            BufferedImage filters = PictureOf.filters(trainer.network(), trainer::parameter);
            if (filters != null) {
                values.add(Summaries.picture("filters", filters));
            }
            values.add(Summaries.picture("confusion", PictureOf.confusion(evaluation)));
        } catch (Exception | LinkageError | AWTError | InternalError e) {
            drawing = false;
            warning.accept("pictures for TensorBoard cannot be drawn and are left out: " + e);
        }
    }

    /**
     * Ends the events of a training that has ended.
     *
     * @param done whether it has come to its end
     */
    public void finish(boolean done) {
        attempt(() -> {
            if (pending != null && pending.step() == lastStep) {
                describe();
            }
            if (done) {
                write(lastStep, List.of(Summaries.hyperparameters("session_end_info", Hyperparameters.ended(seconds()))));
            }
        });
    }

    private void write(long step, List<Summary.Value> values) throws IOException {
        file.write(event(step).setSummary(Summary.newBuilder().addAllValue(values)).build());
    }

    private static Event.Builder event(long step) {
        return Event.newBuilder().setWallTime(seconds()).setStep(step);
    }

    private static double seconds() {
        return System.currentTimeMillis() / MILLISECONDS;
    }

    private void attempt(Writing writing) {
        if (!writes) {
            return;
        }
        try {
            writing.write();
        } catch (IOException e) {
            giveUp(Reasons.of(e));
        } catch (RuntimeException e) {
            giveUp(e.toString());
        }
    }

    private void giveUp(String reason) {
        writes = false;
        close();
        warning.accept("TensorBoard gets no more events of this training: " + trainer.options().output() + ": " + reason);
    }

    @Override
    public void close() {
        try {
            if (file != null) {
                file.close();
            }
        } catch (IOException e) { // every record has been handed over, or its loss has been told
            System.getLogger(TensorBoardListener.class.getName()).log(System.Logger.Level.DEBUG, "closing an event file", e);
        }
    }
}
