package duet.cli.serve;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

import duet.cli.web.WebException;
import duet.model.SafetensorsException;
import duet.train.output.Checkpoint;
import duet.train.output.MetricsLog;
import duet.train.output.OutputFolder;
import duet.train.schedule.TrainingException;

/**
 * A network that is served under a name, in one or more versions: the newest checkpoints of its training. Asked by many threads; loaded
 * and reloaded by one.
 */
final class ServedModel implements AutoCloseable {
    private final String name;
    private final Path run;
    private final Choice choice;
    private final Loader loader;
    /** From the oldest to the newest; replaced as a whole. */
    private volatile List<ModelVersion> versions = List.of();
    private List<String> seen = List.of();

    /** Makes a version out of a checkpoint. */
    @FunctionalInterface
    interface Loader {
        ModelVersion load(String version, Checkpoint checkpoint);
    }

    /**
     * Which checkpoints of a folder are served.
     *
     * @param best     the one of the best validation only
     * @param versions otherwise so many of the newest
     */
    record Choice(boolean best, int versions) {}

    /** Nothing is loaded yet: {@link #refresh} does it. */
    ServedModel(String name, Path run, Choice choice, Loader loader) {
        this.name = name;
        this.run = run;
        this.choice = choice;
        this.loader = loader;
    }

    String name() {
        return name;
    }

    /** From the oldest to the newest. */
    List<ModelVersion> versions() {
        return versions;
    }

    /** @param version null: the newest */
    ModelVersion version(String version) {
        List<ModelVersion> now = versions;
        if (version == null) {
            return now.getLast();
        }
        return now.stream().filter(each -> each.version().equals(version)).findFirst()
                .orElseThrow(() -> new WebException(404, "the model " + name + " has no version " + version + "; it has "
                        + String.join(", ", now.stream().map(ModelVersion::version).toList())));
    }

    /**
     * Asks a version; one that was replaced at that very moment, and is asked for by no name, leaves it to its successor.
     *
     * @param version null: the newest
     */
    Asked ask(String version, List<byte[]> images) {
        while (true) {
            ModelVersion asked = version(version);
            try {
                return new Asked(asked, asked.classifier().probabilities(images));
            } catch (IllegalStateException closed) {
                if (versions.contains(asked)) {
                    throw closed;
                }
            }
        }
    }

    /**
     * A question.
     *
     * @param version who answers
     * @param answer  of each image the probabilities
     */
    record Asked(ModelVersion version, CompletableFuture<List<float[]>> answer) {}

    /**
     * Loads what is new, drops what is old. A version that is dropped answers what it has accepted.
     *
     * @param warning told in a sentence of checkpoints that are damaged
     * @return the versions that are new
     * @throws RuntimeException if nothing can be loaded; then all stays as it was
     */
    List<ModelVersion> refresh(Consumer<String> warning) {
        List<String> now = signature();
        if (now.equals(seen) && !versions.isEmpty()) {
            return List.of();
        }
        seen = now;
        List<ModelVersion> before = versions;
        List<ModelVersion> after = new ArrayList<>();
        List<ModelVersion> loaded = new ArrayList<>();
        TrainingException noNumber = null;
        try {
            for (Candidate candidate : candidates(warning)) {
                Optional<ModelVersion> there = before.stream().filter(each -> each.origin().equals(candidate.origin())).findFirst();
                try {
                    if (there.isEmpty()) {
                        loaded.add(loader.load(candidate.version(), candidate.checkpoint().get()).from(candidate.origin()));
                    }
                    after.add(there.orElseGet(loaded::getLast));
                } catch (TrainingException e) {
                    noNumber = e;
                    warning.accept("a checkpoint is passed over: " + e.getMessage());
                }
            }
        } catch (RuntimeException | Error e) {
            loaded.forEach(ModelVersion::close);
            throw e;
        }
        if (after.isEmpty() && noNumber != null) {
            throw noNumber;
        }
        versions = List.copyOf(after);
        before.stream().filter(each -> !after.contains(each)).forEach(ModelVersion::close);
        return loaded;
    }

    /** Something to serve; read when it is not there yet. */
    private record Candidate(String version, String origin, Supplier<Checkpoint> checkpoint) {}

    private List<Candidate> candidates(Consumer<String> warning) {
        if (!Files.isDirectory(run)) {
            return List.of(candidate(Checkpoint.readTrained(run, false, warning), seen.toString()));
        }
        if (choice.best()) {
            Checkpoint best = Checkpoint.readTrained(run, true, warning);
            return List.of(candidate(best, "step " + label(best)));
        }
        List<Candidate> found = new ArrayList<>();
        List<OutputFolder.Saved> saved = OutputFolder.checkpoints(run);
        RuntimeException failure = new TrainingException(run + ": holds no checkpoint (checkpoint-….safetensors)");
        for (int i = saved.size() - 1; i >= 0 && found.size() < choice.versions(); i--) {
            OutputFolder.Saved each = saved.get(i);
            String origin = seen.get(i);
            boolean there = versions.stream().anyMatch(version -> version.origin().equals(origin));
            try {
                Checkpoint checkpoint = there ? null : Checkpoint.readTrained(each.file(), false, warning);
                found.addFirst(new Candidate(Long.toString(each.step()), origin, () -> checkpoint));
            } catch (TrainingException | SafetensorsException damaged) {
                failure = damaged;
                warning.accept("a checkpoint is passed over: " + damaged.getMessage());
            }
        }
        if (found.isEmpty()) {
            throw failure;
        }
        return found;
    }

    private static Candidate candidate(Checkpoint checkpoint, String origin) {
        return new Candidate(label(checkpoint), origin, () -> checkpoint);
    }

    /** Steps done; 1 for a network that was imported. */
    private static String label(Checkpoint checkpoint) {
        return checkpoint.state() == null ? "1" : Long.toString(checkpoint.state().step());
    }

    /** What the checkpoints look like from outside, in the order of their steps: another one means that something is new. */
    private List<String> signature() {
        List<Path> files = files(run);
        Stream<Path> metrics = choice.best() ? Stream.of(run.resolve(MetricsLog.FILE)) : Stream.empty();
        return Stream.concat(files.stream(), metrics).map(ServedModel::look).toList();
    }

    /** The checkpoints, from the oldest to the newest. */
    static List<Path> files(Path run) {
        return Files.isDirectory(run) ? OutputFolder.checkpoints(run).stream().map(OutputFolder.Saved::file).toList() : List.of(run);
    }

    private static String look(Path file) {
        try {
            return file.getFileName() + " " + Files.size(file) + " " + Files.getLastModifiedTime(file);
        } catch (IOException gone) {
            return file.getFileName() + " is gone";
        }
    }

    @Override
    public void close() {
        List<ModelVersion> last = versions;
        last.forEach(ModelVersion::close);
    }
}
