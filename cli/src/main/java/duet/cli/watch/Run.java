package duet.cli.watch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

import duet.cli.output.Failures;
import duet.model.SafetensorsException;
import duet.text.Text;
import duet.train.output.CheckpointFile;
import duet.train.output.Metrics;
import duet.train.output.MetricsLog;
import duet.train.output.OutputFolder;
import duet.train.schedule.RateChange;
import duet.train.schedule.TrainingException;

/** One training's output folder, followed while it grows. {@link #look} is for one thread, all else for any. */
final class Run {
    static final String FILTERS = "conv1.png";
    /** A training that wrote so little ago is taken to be running even where its lock cannot be asked. */
    private static final Duration FRESH = Duration.ofSeconds(5);

    private final String id;
    private final String name;
    private final Path folder;
    private final Consumer<String> warning;
    private final Course course = new Course();
    private final MetricsTail tail;
    private Stamp stamp;
    private long grewAt;
    private volatile long damaged;
    private volatile Facts facts;
    private volatile RunSummary summary;

    /** Changes whenever the folder does: sizes and times, in ns. */
    private record Stamp(long size, long written, long folder, long filters) {}

    /**
     * Begins to follow a folder; nothing is read yet.
     *
     * @param folder  without links
     * @param warning told in a sentence of what cannot be read, for the person at the console
     */
    Run(String id, String name, Path folder, Consumer<String> warning) {
        this.id = id;
        this.name = name;
        this.folder = folder;
        this.warning = warning;
        tail = new MetricsTail(folder.resolve(MetricsLog.FILE), new MetricsTail.Listener() {
            @Override
            public void restarted() {
                course.clear();
                damaged = 0;
            }

            @Override
            public void metrics(Metrics metrics) {
                course.add(metrics);
            }

            @Override
            public void rates(RateChange change) {
                course.add(change);
            }

            @Override
            public void damaged(long line) {
                damaged = line;
            }
        });
    }

    /** Whether a folder is the output of a training. */
    static boolean isRun(Path folder) {
        return Files.isRegularFile(folder.resolve(MetricsLog.FILE), LinkOption.NOFOLLOW_LINKS)
                || !OutputFolder.checkpoints(folder).isEmpty();
    }

    String id() {
        return id;
    }

    String name() {
        return name;
    }

    Path folder() {
        return folder;
    }

    Course course() {
        return course;
    }

    /** Of the last checkpoint; null before there is one. */
    Facts facts() {
        return facts;
    }

    /** null before the first look. */
    RunSummary summary() {
        return summary;
    }

    /** Reads what is new. True if anything is. */
    boolean look() {
        Stamp now = stamp();
        if (now.equals(stamp) && summary != null && summary.state() != RunState.RUNNING) {
            return false;
        }
        if (stamp == null || now.size() != stamp.size() || now.written() != stamp.written()) {
            grewAt = stamp == null ? now.written() / 1_000_000 : System.currentTimeMillis();
        }
        boolean changed = !now.equals(stamp);
        stamp = now;
        if (changed) {
            try {
                tail.read();
            } catch (IOException e) {
                warning.accept(Failures.sentence(e));
            }
            readFacts();
        }
        RunSummary before = summary;
        summary = summarize(now.filters());
        return !summary.equals(before) || changed;
    }

    private Stamp stamp() {
        BasicFileAttributes metrics = attributes(MetricsLog.FILE);
        BasicFileAttributes filters = attributes(FILTERS);
        return new Stamp(metrics == null ? 0 : metrics.size(), nanoseconds(metrics), nanoseconds(attributes("")), nanoseconds(filters));
    }

    private static long nanoseconds(BasicFileAttributes attributes) {
        return attributes == null ? 0 : attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS);
    }

    private BasicFileAttributes attributes(String file) {
        try {
            return Files.readAttributes(folder.resolve(file), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        } catch (IOException e) {
            return null;
        }
    }

    /** Of the latest checkpoint that is good; one that is deleted while it is read is followed by another. */
    private void readFacts() {
        List<OutputFolder.Saved> saved = OutputFolder.checkpoints(folder);
        for (OutputFolder.Saved checkpoint : saved.reversed()) {
            if (facts != null && facts.step() == checkpoint.step() && facts.state().step() == checkpoint.step()) {
                return;
            }
            if (!Files.isRegularFile(checkpoint.file(), LinkOption.NOFOLLOW_LINKS)) {
                continue;
            }
            try {
                CheckpointFile.Description read = CheckpointFile.describe(checkpoint.file());
                if (read.state() != null) {
                    facts = new Facts(checkpoint.step(), checkpoint.file(), read);
                    return;
                }
            } catch (TrainingException | SafetensorsException e) {
                warning.accept(e.getMessage());
            }
        }
    }

    private RunSummary summarize(long filters) {
        Facts known = facts;
        long step = Math.max(course.step(), known == null ? 0 : known.step());
        boolean running = OutputFolder.busy(folder)
                || System.currentTimeMillis() - grewAt < FRESH.toMillis() && (known == null || !known.complete());
        RunState state = running ? RunState.RUNNING : known != null && known.complete() && course.step() <= known.step() ? RunState.FINISHED
                : known != null && course.step() <= known.step() ? RunState.STOPPED : RunState.FAILED;
        // a training that goes on for longer than it was to says so in its next checkpoint
        Long last = known == null || state == RunState.RUNNING && step > known.state().lastStep() ? null : (Long) known.state().lastStep();
        Double speed = course.speed();
        Double left = state == RunState.RUNNING && last != null && speed != null && speed > 0
                ? (Double) ((last - step) * (double) known.options().batch() / speed) : null;
        List<Metrics> validations = course.validations(0);
        Metrics best = validations.stream().min(Comparator.comparingDouble(Metrics::top1).reversed().thenComparingDouble(Metrics::loss))
                .orElse(null);
        double epochs = course.epochsOfAStep() > 0 ? course.epochsOfAStep() : known == null ? 0 : known.state().epoch(1);
        Long picture = filters > 0 ? (Long) (filters / 1_000_000) : known == null || !RunPictures.hasFilters(known) ? null
                : (Long) known.step();
        return new RunSummary(id, name, known == null ? "" : known.model().network().name(), state, words(state, step, known), step, last,
                step * epochs, course.loss(), validations.isEmpty() ? null : validations.getLast(), best, speed, left,
                known == null ? null : (Long) known.step(), picture, course.extent().generation());
    }

    private String words(RunState state, long step, Facts known) {
        String sentence = switch (state) {
            case RUNNING -> "It is training.";
            case FINISHED -> known.state().exhausted() && known.step() < known.state().lastStep()
                    ? "It ended early, since validations brought no lower error." : "It has done all of its steps.";
            case STOPPED -> "It was stopped after step " + Text.count(known.step()) + "; --resume goes on from there.";
            case FAILED -> "It ended after step " + Text.count(step) + " without a checkpoint of it: it was killed, or has diverged"
                    + (known == null ? "." : "; --resume goes on from step " + Text.count(known.step()) + ".");
        };
        return damaged == 0 ? sentence : sentence + " Line " + damaged + " of metrics.jsonl is damaged and left out.";
    }
}
