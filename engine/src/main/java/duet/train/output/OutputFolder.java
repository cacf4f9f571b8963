package duet.train.output;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

import duet.files.Reasons;
import duet.files.WholeFile;
import duet.model.SafetensorsException;
import duet.train.schedule.TrainingException;

/**
 * A training's output folder: {@code checkpoint-00000123.safetensors} (by steps done), {@code metrics.jsonl}, {@code network.json}
 * and pictures. While it is open no other process can open it.
 */
public final class OutputFolder implements AutoCloseable {
    private static final Pattern CHECKPOINT = Pattern.compile("checkpoint-(\\d{8,18})\\.safetensors");
    /** Stays in the folder: if it were deleted, two processes could hold locks on two files of this name. */
    private static final String LOCK = ".lock";

    private static final int ATTEMPTS = 5;
    private static final long PAUSE = 20_000_000; // ns
    /** Folders that this process has open. */
    private static final Set<Path> HELD = ConcurrentHashMap.newKeySet();

    private final Path folder;
    private final Path real;
    private final FileChannel lockFile;

    private OutputFolder(Path folder, FileChannel lockFile) throws IOException {
        this.folder = folder;
        real = folder.toRealPath();
        this.lockFile = lockFile;
    }

    /**
     * The checkpoint of a step that is in a folder.
     *
     * @param step steps done
     * @param file the checkpoint
     */
    public record Saved(long step, Path file) {}

    /**
     * Checks that a new training can use a folder; changes nothing.
     *
     * @param folder must be empty or not exist
     * @throws TrainingException in a sentence that says what is in it
     */
    public static void requireNew(Path folder) {
        if (Files.exists(folder) && !Files.isDirectory(folder)) {
            throw new TrainingException(folder + ": not a folder; choose another --out");
        }
        List<Path> others = list(folder).stream().filter(path -> !leftBehind(path)).toList();
        if (!others.isEmpty()) {
            throw new TrainingException(folder + ": already holds " + others.getFirst().getFileName() + (checkpoints(folder).isEmpty()
                    ? ", but no checkpoint to go on from; choose another --out"
                    : "; go on with its training by --resume, or choose another --out"));
        }
    }

    /** What a training leaves that ended before its first checkpoint: hidden files, and metrics without a line. */
    private static boolean leftBehind(Path file) {
        String name = file.getFileName().toString();
        return name.startsWith(".") || name.equals(MetricsLog.FILE) && file.toFile().length() == 0;
    }

    /** Creates the folder if need be and locks it. */
    static OutputFolder open(Path folder) {
        FileChannel channel = null;
        try {
            Files.createDirectories(folder);
            if (HELD.contains(folder.toRealPath())) {
                throw held(folder);
            }
            channel = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
            if (lock(channel) == null) {
                throw held(folder);
            }
            OutputFolder output = new OutputFolder(folder, channel);
            output.removeTemporaries();
            HELD.add(output.real);
            return output;
        } catch (IOException e) {
            close(channel);
            throw new TrainingException(folder + ": cannot be used for output: " + Reasons.of(e), e);
        } catch (RuntimeException e) {
            close(channel);
            throw e;
        }
    }

    private static TrainingException held(Path folder) {
        return new TrainingException(folder + ": another training is writing here; wait for it, or choose another --out");
    }

    /** Patient for a moment: somebody may just be asking {@link #busy}. */
    private static FileLock lock(FileChannel channel) throws IOException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            try {
                FileLock lock = channel.tryLock();
                if (lock != null) {
                    return lock;
                }
            } catch (OverlappingFileLockException e) {
                return null; // held by this very process
            }
            LockSupport.parkNanos(PAUSE);
        }
        return null;
    }

    /**
     * {@return whether a training is writing into a folder at this moment}
     *
     * @param folder of a training
     */
    public static boolean busy(Path folder) {
        Path lock = folder.resolve(LOCK);
        if (!Files.isRegularFile(lock, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        try {
            // before it is opened: where the system keeps a process's locks by file, closing it would end this process's own
            if (HELD.contains(folder.toRealPath())) {
                return true;
            }
            try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE); FileLock free = channel.tryLock()) {
                return free == null;
            }
        } catch (OverlappingFileLockException e) {
            return true;
        } catch (IOException e) {
            return false; // not ours to write: whoever trains there is somebody else, and cannot be asked
        }
    }

    private static void close(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            throw new TrainingException("cannot unlock the output folder: " + Reasons.of(e), e);
        }
    }

    /** What a killed process left half-written. */
    private void removeTemporaries() throws IOException {
        for (Path path : list(folder)) {
            String name = path.getFileName().toString();
            if (name.startsWith(".") && name.endsWith(WholeFile.TEMPORARY)) {
                Files.deleteIfExists(path);
            }
        }
    }

    Path file(String name) {
        return folder.resolve(name);
    }

    Path checkpointFile(long step) {
        return folder.resolve(String.format(Locale.ROOT, "checkpoint-%08d.safetensors", step));
    }

    /**
     * Deletes all but the latest {@code keep} checkpoints.
     *
     * @param best a step whose checkpoint stays in any case
     */
    void prune(int keep, long best) {
        List<Saved> saved = checkpoints(folder);
        for (Saved old : saved.subList(0, Math.max(0, saved.size() - keep))) {
            if (old.step() == best) {
                continue;
            }
            try {
                Files.deleteIfExists(old.file());
            } catch (IOException e) {
                throw new TrainingException(old.file() + ": cannot be deleted: " + Reasons.of(e), e);
            }
        }
    }

    /**
     * Makes {@code step} the latest checkpoint: damaged later ones are set aside under another name, a sound later one is an error,
     * for it belongs to another course of the training.
     */
    void requireLatest(long step, Consumer<String> warning) {
        for (Saved saved : checkpoints(folder)) {
            if (saved.step() <= step) {
                continue;
            }
            try {
                CheckpointFile.read(saved.file(), true);
            } catch (TrainingException | SafetensorsException damaged) {
                setAside(saved.file(), warning);
                continue;
            }
            throw new TrainingException(folder + ": holds " + saved.file().getFileName() + ", which is later than step " + step
                    + "; resume from the folder, or choose another --out");
        }
    }

    private static void setAside(Path damaged, Consumer<String> warning) {
        Path aside = damaged.resolveSibling(damaged.getFileName() + ".damaged");
        try {
            Files.move(damaged, aside);
            warning.accept(damaged + ": is damaged and has been renamed to " + aside.getFileName());
        } catch (IOException e) {
            throw new TrainingException(damaged + ": is damaged and cannot be renamed: " + Reasons.of(e), e);
        }
    }

    /**
     * {@return the checkpoints in a folder, from the first step to the last}
     *
     * @param folder of a training
     */
    public static List<Saved> checkpoints(Path folder) {
        List<Saved> saved = new ArrayList<>();
        for (Path path : list(folder)) {
            Matcher name = CHECKPOINT.matcher(path.getFileName().toString());
            if (name.matches()) {
                saved.add(new Saved(Long.parseLong(name.group(1)), path));
            }
        }
        saved.sort((a, b) -> Long.compare(a.step(), b.step()));
        return saved;
    }

    static Checkpoint readLatest(Path folder, boolean momentum, Consumer<String> warning) {
        List<Saved> saved = checkpoints(folder);
        if (saved.isEmpty()) {
            throw new TrainingException(folder + ": holds no checkpoint (checkpoint-….safetensors)");
        }
        for (Saved candidate : saved.reversed()) {
            try {
                return CheckpointFile.read(candidate.file(), momentum);
            } catch (TrainingException | SafetensorsException damaged) {
                if (candidate.equals(saved.getFirst())) {
                    throw damaged;
                }
                warning.accept("a checkpoint is passed over, the one before it is used: " + damaged.getMessage());
            }
        }
        throw new AssertionError("the loop returns or throws");
    }

    static Checkpoint readBest(Path folder, boolean momentum, Consumer<String> warning) {
        History history = new History();
        Path metrics = folder.resolve(MetricsLog.FILE);
        if (Files.exists(metrics)) {
            MetricsLog.read(metrics, history::add);
        }
        List<Metrics> validations = history.validations().stream().sorted(History.BEST_FIRST).toList();
        for (Metrics validation : validations) {
            Optional<Saved> saved = checkpoints(folder).stream().filter(each -> each.step() == validation.step()).findFirst();
            if (saved.isPresent()) {
                if (validation.step() != validations.getFirst().step()) {
                    warning.accept("the checkpoint of the best validation, after step " + validations.getFirst().step()
                            + ", is gone; the best that is left is " + saved.get().file());
                }
                return CheckpointFile.read(saved.get().file(), momentum);
            }
        }
        throw new TrainingException(folder + ": holds no checkpoint of a validation, so none is the best; leave out --best");
    }

    private static List<Path> list(Path folder) {
        if (!Files.exists(folder)) {
            return List.of();
        }
        try (Stream<Path> paths = Files.list(folder)) {
            return paths.sorted().toList();
        } catch (UncheckedIOException e) { // while it is listed, or closed
            throw new TrainingException(folder + ": cannot be read: " + Reasons.of(e.getCause()), e);
        } catch (IOException e) {
            throw new TrainingException(folder + ": cannot be read: " + Reasons.of(e), e);
        }
    }

    @Override
    public void close() {
        HELD.remove(real);
        close(lockFile);
    }
}
