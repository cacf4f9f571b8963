package duet.use;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.Supplier;

import duet.device.Backend;

/**
 * A thread that owns a backend and does what other threads ask of it, so that any number of them share its devices; a backend itself is for
 * one thread. What has waited longest comes first. A {@link SharedClassifier} gathers images on it.
 */
public final class BackendThread implements AutoCloseable {
    /** Of {@link Work#due}: nothing waits. */
    static final long NEVER = Long.MAX_VALUE;
    private static final long START = System.nanoTime();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private final List<Work> works = new ArrayList<>();
    private final Tasks tasks = new Tasks();
    private final CompletableFuture<Backend> opened = new CompletableFuture<>();
    private final CompletableFuture<Void> ended = new CompletableFuture<>();
    private final Thread thread;
    private boolean closing;

    /** Something that comes up again and again; both methods are called by the thread that owns the backend. */
    interface Work {
        /** {@return when the next of it is due, by {@link #now}, or {@link #NEVER}; called with the lock held} */
        long due();

        /** Does what is due, called without the lock; whatever fails, fails for who has asked for it. */
        void run();

        /** Does all that was asked for and gives the memory back, before the backend closes. */
        void end();
    }

    /** What is done once. */
    private final class Tasks implements Work {
        private record Task(long since, Runnable action) {}

        private final Queue<Task> waiting = new ArrayDeque<>();

        @Override
        public long due() {
            return waiting.isEmpty() ? NEVER : waiting.peek().since();
        }

        @Override
        public void run() {
            locked(waiting::remove).action().run();
        }

        @Override
        public void end() {
            while (locked(this::due) != NEVER) {
                run();
            }
        }
    }

    private BackendThread(Supplier<Backend> opener) {
        works.add(tasks);
        thread = Thread.ofPlatform().name("duet-backend").daemon().unstarted(() -> serve(opener));
    }

    /**
     * Opens a backend on a thread of its own.
     *
     * @param opener opens it, such as {@code () -> Backends.openDefault(1)}; what it throws is thrown here
     * @return the thread; close it, and the backend closes
     */
    public static BackendThread open(Supplier<Backend> opener) {
        BackendThread backend = new BackendThread(opener);
        backend.thread.start();
        join(backend.opened);
        return backend;
    }

    /**
     * Does something with the backend, once what was asked for before has been done.
     *
     * @param <T>    what it returns
     * @param action called by the backend's thread; not to close the backend
     * @return what it returns; fails with what it throws
     * @throws IllegalStateException if this is closed
     */
    public <T> CompletableFuture<T> submit(Function<Backend, T> action) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        locked(() -> {
            requireOpen();
            changed.signal();
            return tasks.waiting.add(new Tasks.Task(now(), () -> complete(answer, action)));
        });
        return answer;
    }

    private <T> void complete(CompletableFuture<T> answer, Function<Backend, T> action) {
        try {
            answer.complete(action.apply(opened.join()));
        } catch (Throwable e) { // whatever it is, the one who has asked is told, and the thread goes on
            answer.completeExceptionally(e);
        }
    }

    /**
     * Does something with the backend and waits for it.
     *
     * @param <T>    what it returns
     * @param action called by the backend's thread; not to close the backend
     * @return what it returns
     * @throws IllegalStateException if this is closed, or called by the backend's own thread
     */
    public <T> T call(Function<Backend, T> action) {
        requireElsewhere();
        return join(submit(action));
    }

    /** Waits, and throws what has gone wrong as it is. */
    static <T> T join(CompletableFuture<T> answer) {
        try {
            return answer.join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }

    /** In nanoseconds, from a fixed time on; never negative. */
    static long now() {
        return System.nanoTime() - START;
    }

    void add(Work work) {
        locked(() -> works.add(work));
    }

    void remove(Work work) {
        locked(() -> works.remove(work));
    }

    /** Changes or reads what the thread looks at. */
    <T> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    /** Something is due at another time; called with the lock held. */
    void changed() {
        changed.signal();
    }

    /** Called with the lock held. */
    void requireOpen() {
        if (closing) {
            throw new IllegalStateException("already closed");
        }
    }

    /** False once what it has is closed by {@link #close}; called with the lock held. */
    boolean running() {
        return !closing;
    }

    void requireElsewhere() {
        if (Thread.currentThread().equals(thread)) {
            throw new IllegalStateException("the backend's own thread would wait for itself");
        }
    }

    private void serve(Supplier<Backend> opener) {
        try (Backend backend = opener.get()) {
            opened.complete(backend);
            for (Work work = next(); work != null; work = next()) {
                work.run();
            }
            locked(() -> List.copyOf(works)).forEach(Work::end);
        } catch (Throwable e) { // told to who opens or closes
            opened.completeExceptionally(e);
            ended.completeExceptionally(e);
        }
        ended.complete(null);
    }

    /** Waits for what is due next; null when this closes. */
    private Work next() {
        return locked(() -> {
            while (!closing) {
                Work first = null;
                long due = NEVER;
                for (Work work : works) {
                    long its = work.due();
                    if (its < due) {
                        first = work;
                        due = its;
                    }
                }
                if (due <= now()) {
                    return first;
                }
                await(due);
            }
            return null;
        });
    }

    @SuppressWarnings("WaitNotInLoop") // the loop is the caller's
    private void await(long due) {
        try {
            if (due == NEVER) {
                changed.await();
            } else {
                changed.awaitNanos(due - now());
            }
        } catch (InterruptedException e) {
            // nobody else knows this thread: it only looks again
        }
    }

    /** Does what it was asked for until now, then closes the backend. */
    @Override
    public void close() {
        requireElsewhere();
        locked(() -> {
            closing = true;
            changed.signal();
            return null;
        });
        join(ended);
    }
}
