package duet.device.cpu;

import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;

/** A stream of a CPU device: a thread of its own that runs what it is given, in order. */
final class CpuStream implements AutoCloseable {
    @SuppressWarnings("UnnecessaryLambda") // a task of its own, not a function
    private static final Runnable END = () -> {};

    private final BlockingQueue<Runnable> work = new LinkedBlockingQueue<>();
    private final Thread thread;

    CpuStream(String name) {
        thread = Thread.ofPlatform().daemon().name(name).start(this::loop);
    }

    private void loop() {
        try {
            for (Runnable next = work.take(); !next.equals(END); next = work.take()) {
                next.run();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** @param task must not throw */
    void submit(Runnable task) {
        work.add(task);
    }

    /** Ends the thread after what it was given so far. */
    @Override
    public void close() {
        work.add(END);
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
