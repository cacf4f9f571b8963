package duet.cli.watch;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.stream.Stream;

import duet.cli.output.Failures;
import duet.files.Reasons;

/**
 * The runs in some folders: each is a run or holds some. New ones appear and deleted ones go while a thread of its own follows them. The
 * system tells it what changes; as it does not on every file system (and for so many folders only), sizes and times are also looked at
 * every few seconds. Files are not read again for that. Links in the folders are not followed: they may lead anywhere.
 */
final class RunList implements AutoCloseable {
    private static final Duration SWEEP = Duration.ofSeconds(2);
    /** What happens within it is looked at together. */
    private static final Duration PAUSE = Duration.ofMillis(150);

    private final List<Path> given;
    private final Consumer<String> warning;
    private final Set<String> warned = ConcurrentHashMap.newKeySet();
    private final Map<String, Run> runs = new LinkedHashMap<>();
    /** By name: a run that comes back has the same. */
    private final Map<String, Path> ids = new HashMap<>();
    private final WatchService service;
    private final Map<WatchKey, Path> keys = new HashMap<>();
    private final Set<Path> watched = new HashSet<>();
    private final Thread thread;
    private long version;
    private boolean read;
    private boolean closed;

    /**
     * Begins to follow folders; those that do not exist yet are looked for again and again.
     *
     * @param given   output folders, or folders that hold some
     * @param warning told in a sentence, once, of what cannot be read or watched
     */
    RunList(List<Path> given, Consumer<String> warning) {
        this.given = List.copyOf(given);
        this.warning = sentence -> {
            if (warned.add(sentence)) {
                warning.accept(sentence);
            }
        };
        service = service();
        find();
        thread = Thread.ofPlatform().daemon().name("duet-watch").start(this::follow);
    }

    /** null: the system has none, so that only sweeps find what is new. */
    private WatchService service() {
        try {
            return given.getFirst().getFileSystem().newWatchService();
        } catch (IOException | UnsupportedOperationException e) {
            warning.accept("the system does not tell what changes (" + e.getMessage() + "), so pages are a few seconds late");
            return null;
        }
    }

    /** {@return the runs that have been read, in the order in which they were found} */
    synchronized List<Run> runs() {
        return runs.values().stream().filter(run -> run.summary() != null).toList();
    }

    private synchronized List<Run> found() {
        return List.copyOf(runs.values());
    }

    /** {@return whether all that was there at the beginning has been read} */
    synchronized boolean read() {
        return read;
    }

    /** {@return how many runs there are, also those that have not been read yet} */
    synchronized int count() {
        return runs.size();
    }

    /** {@return the run of that name that has been read, or null} */
    synchronized Run run(String id) {
        Run run = runs.get(id);
        return run == null || run.summary() == null ? null : run;
    }

    /** {@return a number that is another one whenever anything has changed} */
    synchronized long version() {
        return version;
    }

    /** {@return {@link #version}, when it is another than that, or after a while} */
    synchronized long await(long seen, Duration longest) throws InterruptedException {
        long until = System.nanoTime() + longest.toNanos();
        for (long left = longest.toNanos(); version == seen && !closed && left > 0; left = until - System.nanoTime()) {
            TimeUnit.NANOSECONDS.timedWait(this, Math.max(left, 1_000_000));
        }
        return version;
    }

    synchronized boolean closed() {
        return closed;
    }

    /** Wakes those who wait. */
    synchronized void changed() {
        version++;
        notifyAll();
    }

    private void follow() {
        try {
            sweep();
            synchronized (this) {
                read = true;
            }
            changed();
            long swept = System.nanoTime();
            while (!closed()) {
                Set<Path> told = told();
                if (System.nanoTime() - swept >= SWEEP.toNanos() || given.stream().anyMatch(folder -> isIn(folder, told))) {
                    sweep();
                    swept = System.nanoTime();
                } else {
                    look(found().stream().filter(run -> told.contains(run.folder())).toList());
                }
                Thread.sleep(PAUSE);
            }
        } catch (InterruptedException e) {
            // closed
        }
    }

    private static boolean isIn(Path folder, Set<Path> told) {
        try {
            return told.contains(folder.toRealPath());
        } catch (IOException e) {
            return false;
        }
    }

    /** The folders in which something has happened; waits for it, but not longer than until the next sweep. */
    private Set<Path> told() throws InterruptedException {
        Set<Path> told = new HashSet<>();
        if (service == null) {
            Thread.sleep(SWEEP);
            return told;
        }
        for (WatchKey key = service.poll(SWEEP.toMillis(), TimeUnit.MILLISECONDS); key != null; key = service.poll()) {
            key.pollEvents();
            told.add(keys.get(key));
            if (!key.reset()) {
                watched.remove(keys.remove(key));
            }
        }
        return told;
    }

    private void sweep() {
        find();
        look(found());
    }

    /** Which runs there are. */
    private void find() {
        Map<Path, String> found = new LinkedHashMap<>();
        for (Path folder : given) {
            find(folder, found);
        }
        boolean changed;
        synchronized (this) {
            changed = runs.values().removeIf(run -> !found.containsKey(run.folder()));
            Set<Path> known = new HashSet<>(runs.values().stream().map(Run::folder).toList());
            for (Map.Entry<Path, String> run : found.entrySet()) {
                if (known.add(run.getKey())) {
                    String id = id(run.getValue(), run.getKey());
                    runs.put(id, new Run(id, id, run.getKey(), warning));
                    changed = true;
                }
            }
        }
        found.keySet().forEach(this::watch);
        if (changed) {
            changed();
        }
    }

    /** @param found folder and name of each run */
    private void find(Path folder, Map<Path, String> found) {
        if (!Files.isDirectory(folder)) {
            return;
        }
        try {
            Path real = folder.toRealPath();
            watch(real);
            if (Run.isRun(real)) {
                found.put(real, String.valueOf(real.getFileName()));
                return;
            }
            try (Stream<Path> inside = Files.list(real)) {
                for (Path each : inside.sorted().toList()) {
                    if (Files.isSymbolicLink(each) && Files.isDirectory(each)) {
                        warning.accept(each + " is a link and is not followed; name it: ./duet watch " + each);
                    } else if (Files.isDirectory(each, LinkOption.NOFOLLOW_LINKS)) {
                        watch(each);
                        if (Run.isRun(each)) {
                            found.put(each, String.valueOf(each.getFileName()));
                        }
                    }
                }
            }
        } catch (IOException | RuntimeException e) { // also of what is deleted meanwhile
            if (Files.isDirectory(folder)) {
                warning.accept(Failures.sentence(e));
            }
        }
    }

    /** The folder's name, with a number where another run has it. */
    private String id(String name, Path folder) {
        String id = name;
        for (int i = 2; ids.containsKey(id) && !ids.get(id).equals(folder); i++) {
            id = name + "-" + i;
        }
        ids.put(id, folder);
        return id;
    }

    private void watch(Path folder) {
        if (service == null || !watched.add(folder)) {
            return;
        }
        try {
            keys.put(folder.register(service, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_MODIFY,
                    StandardWatchEventKinds.ENTRY_DELETE), folder);
        } catch (IOException e) {
            watched.remove(folder);
            warning.accept("the system watches no more folders (" + Reasons.of(e) + "), so some runs are a few seconds late");
        }
    }

    private void look(List<Run> some) {
        for (Run run : some) {
            try {
                if (!closed() && run.look()) {
                    changed();
                }
            } catch (RuntimeException e) { // its folder is deleted meanwhile, or cannot be read
                warning.accept(Failures.sentence(e));
            }
        }
    }

    /** Ends the thread and wakes those who wait. */
    @Override
    public void close() throws IOException {
        synchronized (this) {
            closed = true;
            notifyAll();
        }
        thread.interrupt();
        try {
            thread.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (service != null) {
            service.close();
        }
    }
}
