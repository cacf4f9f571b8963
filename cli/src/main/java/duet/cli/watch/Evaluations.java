package duet.cli.watch;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonValue;
import duet.cli.options.TrainingArguments;
import duet.cli.output.Failures;
import duet.cli.web.WebException;
import duet.data.Dataset;
import duet.data.Views;
import duet.data.source.Datasets;
import duet.data.source.Part;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.pictures.PictureOf;
import duet.pictures.Pictures;
import duet.plan.Placement;
import duet.train.DataFit;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Ensemble;
import duet.use.Evaluation;

/**
 * What the last checkpoints of runs make of their validation images, computed when somebody asks for it: on the CPU, one after the other,
 * with one thread while a training is running. Kept in memory.
 */
final class Evaluations implements AutoCloseable {
    private static final int BATCH = 64;
    private static final int WORST = 40;
    /** With more classes the pairs that are confused most often take the place of the matrix. */
    private static final int MOST_CLASSES = 40;
    private static final int PAIRS = 30;

    private final RunList runs;
    private final Consumer<String> warning;
    private final Map<String, Status> statuses = new ConcurrentHashMap<>();
    private final ExecutorService worker = Executors
            .newSingleThreadExecutor(Thread.ofPlatform().daemon().name("duet-evaluation").factory());
    private volatile boolean closed;

    /** In the order of a life. */
    enum Stage {
        NONE, WAITING, RUNNING, DONE, FAILED;

        @JsonValue
        String word() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /**
     * Where an evaluation stands.
     *
     * @param step    of the checkpoint
     * @param done    images
     * @param total   images
     * @param problem a sentence, if it failed
     * @param result  when it is done, else null
     */
    record Status(Stage stage, long step, long done, long total, String problem, Result result) {
        static final Status NONE = new Status(Stage.NONE, 0, 0, 0, null, null);

        /** Without the result, which is asked for. */
        Status brief() {
            return new Status(stage, step, done, total, problem, null);
        }
    }

    /**
     * What came out.
     *
     * @param confusion [class][class that it was taken for], images; null with many classes
     * @param pairs     that were confused most often
     * @param mistakes  the most confident ones
     * @param picture   of the mistakes as PNG, null where there are none
     */
    record Result(long images, double loss, double top1, double top5, List<String> classNames, int[][] confusion,
            List<Evaluation.Confusion> pairs, List<Mistake> mistakes, @JsonIgnore byte[] picture) {}

    /** A mistake in words. */
    record Mistake(String is, String takenFor, double probability) {}

    Evaluations(RunList runs, Consumer<String> warning) {
        this.runs = runs;
        this.warning = warning;
    }

    Status of(Run run) {
        return statuses.getOrDefault(run.id(), Status.NONE);
    }

    /** Begins, unless it has begun already or is done for the last checkpoint. */
    synchronized Status begin(Run run) {
        Facts facts = run.facts();
        if (facts == null) {
            throw new WebException(409, "this run has no checkpoint yet; ask again when it has");
        }
        Status now = of(run);
        boolean fresh = now.stage() == Stage.DONE && now.step() == facts.step();
        if (fresh || now.stage() == Stage.WAITING || now.stage() == Stage.RUNNING) {
            return now;
        }
        put(run, new Status(Stage.WAITING, facts.step(), 0, 0, null, null));
        worker.execute(() -> evaluate(run, facts.step()));
        return of(run);
    }

    private void put(Run run, Status status) {
        statuses.put(run.id(), status);
        runs.changed();
    }

    private void evaluate(Run run, long step) {
        try {
            Checkpoint checkpoint = Checkpoint.read(run.facts().file(), warning);
            put(run, evaluate(run, checkpoint));
        } catch (Closing e) {
            put(run, Status.NONE);
        } catch (Exception | Error e) { // whatever it is, the page lives on
            warning.accept("the last checkpoint of " + run.name() + " cannot be evaluated: " + Failures.sentence(e));
            put(run, new Status(Stage.FAILED, step, 0, 0,
                    "The checkpoint cannot be evaluated here; the console of duet watch says why. Its images must lie where the training "
                            + "found them.",
                    null));
        }
    }

    private Status evaluate(Run run, Checkpoint checkpoint) throws IOException {
        long step = checkpoint.state().step();
        boolean busy = runs.runs().stream().anyMatch(each -> each.summary().state() == RunState.RUNNING);
        CpuOptions options = busy ? CpuOptions.DEFAULT.withThreads(1) : CpuOptions.DEFAULT;
        Placement placement = Placement.ONE_DEVICE;
        List<Ensemble.Member> members = List.of(new Ensemble.Member(run.name(), checkpoint));
        try (Dataset opened = Datasets.look(checkpoint.state().data(), Part.VALIDATION, checkpoint.network().input(), checkpoint.stored(),
                checkpoint.state().options().seed(), (file, reason) -> warning.accept("skipped " + file + ": " + reason));
                Backend backend = Backends.open("cpu", options);
                Ensemble ensemble = Ensemble.create(members, placement, backend, BATCH)) {
            Dataset images = DataFit.labelled(checkpoint.classNames(), opened);
            Evaluation evaluation = ensemble.evaluate(List.of(images), Views.ONE, WORST, busy ? 1 : TrainingArguments.loaderThreads(),
                    new TrainingListener() {
                        @Override
                        public void validating(long done, long total) {
                            if (closed) {
                                throw new Closing();
                            }
                            put(run, new Status(Stage.RUNNING, step, done, total, null, null));
                        }
                    });
            return new Status(Stage.DONE, step, evaluation.images(), evaluation.images(), null, result(evaluation, images));
        }
    }

    private static Result result(Evaluation evaluation, Dataset images) throws IOException {
        List<String> names = evaluation.classNames();
        List<Mistake> mistakes = evaluation.worst().stream()
                .map(mistake -> new Mistake(names.get(mistake.label()), names.get(mistake.given()), mistake.probability())).toList();
        byte[] picture = mistakes.isEmpty() ? null : Pictures.png(PictureOf.mistakes(evaluation, images));
        return new Result(evaluation.images(), evaluation.loss(), evaluation.top1(), evaluation.top5(), names,
                names.size() <= MOST_CLASSES ? evaluation.confusion() : null,
                evaluation.confusions().stream().limit(PAIRS).toList(), mistakes, picture);
    }

    private static final class Closing extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    /** Breaks off what is going on. */
    @Override
    public void close() {
        closed = true;
        worker.shutdownNow();
        try {
            if (!worker.awaitTermination(30, TimeUnit.SECONDS)) {
                warning.accept("an evaluation goes on and is left to itself");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
