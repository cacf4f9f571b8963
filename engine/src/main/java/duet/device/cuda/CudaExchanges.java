package duet.device.cuda;

import java.util.ArrayList;
import java.util.List;

/**
 * Exchanges with other processes that are under way in a run, each on a thread of its own: one stream's messages must not have to wait for
 * another's, which the other process may send first.
 */
final class CudaExchanges {
    private final Runnable giveUp;
    private final List<Exchange> underWay = new ArrayList<>();
    private final Object ended = new Object();

    /** @param giveUp ends those that wait for other processes */
    CudaExchanges(Runnable giveUp) {
        this.giveUp = giveUp;
    }

    /** One of them. */
    final class Exchange {
        private final Thread thread;
        private volatile Throwable failure;
        private volatile boolean over;

        private Exchange(String name, Runnable work) {
            thread = Thread.ofPlatform().daemon().name(name).start(() -> {
                try {
                    work.run();
                } catch (RuntimeException | Error e) {
                    failure = e;
                }
                synchronized (ended) {
                    over = true;
                    ended.notifyAll();
                }
            });
        }

        /** Whether it is over; throws what it has thrown, when no other is under way any more. */
        boolean over() {
            if (over && failure != null) {
                throw failed(failure);
            }
            if (over) {
                underWay.remove(this);
            }
            return over;
        }
    }

    /** @param work ends by itself once this process or another has given up */
    Exchange start(String name, Runnable work) {
        Exchange exchange = new Exchange(name, work);
        underWay.add(exchange);
        return exchange;
    }

    /** Waits until one of those under way is over; false if there are none. */
    boolean await() {
        boolean interrupted = false;
        synchronized (ended) {
            while (!underWay.isEmpty() && underWay.stream().noneMatch(exchange -> exchange.over)) {
                try {
                    ended.wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return !underWay.isEmpty();
    }

    /** When a run fails: nothing may write to its memory any more. */
    RuntimeException failed(Throwable failure) {
        giveUp.run();
        boolean interrupted = false;
        for (Exchange exchange : underWay) {
            while (exchange.thread.isAlive()) {
                try {
                    exchange.thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        underWay.clear();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure instanceof Error error) {
            throw error;
        }
        return (RuntimeException) failure;
    }
}
