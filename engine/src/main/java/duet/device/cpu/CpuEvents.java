package duet.device.cpu;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;

import duet.device.DeviceException;
import duet.device.RankLostException;
import duet.device.RunParameters;

/** One run of a program: the events recorded so far, the streams still at work, and the first failure. */
final class CpuEvents {
    /** How long a waiting stream looks again and again before it sleeps; a peer's copy takes some microseconds. */
    private static final int SPINS = 500;

    final RunParameters parameters;
    private final boolean[] recorded;
    private volatile int recordings;
    private volatile boolean failed;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();
    private final CountDownLatch streams;

    CpuEvents(RunParameters parameters, int events, int streams) {
        this.parameters = parameters;
        this.recorded = new boolean[events];
        this.streams = new CountDownLatch(streams);
    }

    synchronized void record(int event) {
        recorded[event] = true;
        recordings++;
        notifyAll();
    }

    /** Returns when the event has been recorded; throws if another stream has failed and it never will be. */
    void await(int event) {
        for (int i = 0, seen = -1; i < SPINS; i++) {
            if (recordings != seen) {
                seen = recordings;
                if (isRecorded(event)) {
                    return;
                }
            }
            Thread.onSpinWait();
        }
        synchronized (this) {
            boolean interrupted = false;
            while (!recorded[event] && !failed) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            if (!recorded[event]) {
                throw new IllegalStateException("another stream of the program failed");
            }
        }
    }

    private synchronized boolean isRecorded(int event) {
        return recorded[event];
    }

    synchronized void fail(Throwable cause) {
        failure.compareAndSet(null, cause);
        failed = true;
        notifyAll();
    }

    void streamDone() {
        streams.countDown();
    }

    /** Waits for every stream, then throws the first failure if there was one. */
    void join() {
        boolean interrupted = false;
        while (true) {
            try {
                streams.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        Throwable cause = failure.get();
        if (cause instanceof Error error) {
            throw error;
        }
        if (cause instanceof RankLostException lost) {
            throw lost;
        }
        if (cause instanceof DeviceException) {
            throw new DeviceException(cause.getMessage(), cause);
        }
        if (cause != null) {
            throw new IllegalStateException("a stream failed: " + cause.getMessage(), cause);
        }
    }
}
