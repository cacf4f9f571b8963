package duet.train;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.RateChange;

/** Writes down what a training tells; each event is also handed to a hook. */
public final class Recorder implements TrainingListener {
    final List<String> events = new ArrayList<>();
    public final List<Metrics> steps = new ArrayList<>();
    final List<Metrics> validations = new ArrayList<>();
    final List<Path> checkpoints = new ArrayList<>();
    final List<String> warnings = new ArrayList<>();
    private final Consumer<String> hook;

    public Recorder() {
        this(event -> {});
    }

    /** @param hook told of each event, such as {@code step 7}, {@code validating 8}, {@code validated 11}, {@code checkpoint} */
    Recorder(Consumer<String> hook) {
        this.hook = hook;
    }

    private void event(String event) {
        events.add(event);
        hook.accept(event);
    }

    @Override
    public void started(long firstStep, long lastStep, long stepsPerEpoch) {
        event("started " + firstStep + " " + lastStep + " " + stepsPerEpoch);
    }

    @Override
    public void step(Metrics metrics) {
        steps.add(metrics);
        event("step " + metrics.step());
    }

    @Override
    public void rateChanged(RateChange change) {
        event("rate " + change.step());
    }

    @Override
    public void validating(long done, long total) {
        event("validating " + done);
    }

    @Override
    public void validated(Metrics metrics) {
        validations.add(metrics);
        event("validated " + metrics.step());
    }

    @Override
    public void checkpoint(Path file) {
        checkpoints.add(file);
        event("checkpoint");
    }

    @Override
    public void warning(String message) {
        warnings.add(message);
        event("warning");
    }
}
