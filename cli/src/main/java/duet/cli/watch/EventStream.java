package duet.cli.watch;

import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.cli.web.Events;
import duet.train.output.Metrics;
import duet.train.schedule.RateChange;

/**
 * What one client is told while it looks on: {@code run} (a summary that has changed), {@code gone}, {@code ready} (the list is complete),
 * {@code points} (what curves have got in addition), {@code evaluation}. All events of a pause come together, and however many steps that
 * were, only so many points.
 */
final class EventStream {
    private static final Duration BEAT = Duration.ofSeconds(10);
    private static final Duration PAUSE = Duration.ofMillis(250);
    /** A screen is not wider. */
    private static final int MOST_POINTS = 200;

    private final RunList runs;
    private final Evaluations evaluations;
    private final Events events;
    private final Map<String, RunSummary> summaries = new HashMap<>();
    private final Map<String, Course.Extent> extents = new HashMap<>();
    private final Map<String, Evaluations.Status> statuses = new HashMap<>();

    /** What the curves of a run have got in addition. */
    record Points(String run, int generation, Course.Curve training, List<Metrics> validations, List<RateChange> changes) {}

    /** Where the evaluation of a run stands, without its result. */
    record Evaluated(String run, Evaluations.Status status) {}

    EventStream(RunList runs, Evaluations evaluations, Events events) {
        this.runs = runs;
        this.evaluations = evaluations;
        this.events = events;
    }

    /** Tells until the client goes, which is an exception, or the page is closed. */
    void tell() throws IOException, InterruptedException {
        long seen = -1;
        boolean ready = false;
        while (!runs.closed()) {
            long version = runs.await(seen, BEAT);
            if (version == seen) {
                events.beat();
                continue;
            }
            seen = version;
            List<Run> all = runs.runs();
            for (Run run : all) {
                tell(run);
            }
            Set<String> gone = new HashSet<>(summaries.keySet());
            all.forEach(run -> gone.remove(run.id()));
            for (String id : gone) {
                summaries.remove(id);
                extents.remove(id);
                events.send("gone", id);
            }
            if (!ready && runs.read()) {
                ready = true;
                events.send("ready", all.size());
            }
            Thread.sleep(PAUSE);
        }
    }

    private void tell(Run run) throws IOException {
        Course course = run.course();
        Course.Extent now = course.extent();
        Course.Extent before = extents.put(run.id(), now);
        RunSummary summary = run.summary();
        // first the run, so that a client knows what the points are of
        if (!summary.equals(summaries.put(run.id(), summary))) {
            events.send("run", summary);
        }
        if (before != null && before.generation() == now.generation() && !before.equals(now)) {
            events.send("points", new Points(run.id(), now.generation(), course.after(before.count(), MOST_POINTS),
                    course.validations(before.validations()), course.changes(before.changes())));
        }
        Evaluations.Status status = evaluations.of(run).brief();
        if (!status.equals(statuses.put(run.id(), status)) && status.stage() != Evaluations.Stage.NONE) {
            events.send("evaluation", new Evaluated(run.id(), status));
        }
    }
}
