package duet.device.cuda;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * Exchanges with other processes that are under way in a run, each on a thread of its own: one stream's messages must not have to wait for
 * another's, which the other process may send first.
 */
final class CudaExchanges {
    private final Runnable giveUp;
    private final List<Exchange> underWay = new ArrayList<>();

    /** @param giveUp ends those that wait for other processes */
    CudaExchanges(Runnable giveUp) {
        this.giveUp = giveUp;
    }

    /** One of them. */
    final class Exchange {
        private final CompletableFuture<Void> end;

        private Exchange(CompletableFuture<Void> end) {
            this.end = end;
        }

        /** Whether it is over; throws what it has thrown, and then {@link #failed} must follow. */
        boolean over() {
            if (!end.isDone()) {
                return false;
            }
            underWay.remove(this);
            try {
                end.join();
                return true;
            } catch (CompletionException e) {
                throw thrown(e.getCause());
            }
        }
    }

    /** @param work ends by itself once this process or another has given up */
    Exchange start(String name, Runnable work) {
        Exchange exchange = new Exchange(
                CompletableFuture.runAsync(work, task -> Thread.ofPlatform().daemon().name(name).start(task)));
        underWay.add(exchange);
        return exchange;
    }

    /** Waits until one of those under way is over; false if there are none. */
    boolean await() {
        if (underWay.isEmpty()) {
            return false;
        }
        ended(CompletableFuture.anyOf(ends()));
        return true;
    }

    private CompletableFuture<?>[] ends() {
        return underWay.stream().map(exchange -> exchange.end).toArray(CompletableFuture[]::new);
    }

    private static void ended(CompletableFuture<?> exchanges) {
        exchanges.handle((_, _) -> true).join(); // how it has ended over() says
    }

    /** When a run fails: nothing may write to its memory any more. */
    RuntimeException failed(Throwable failure) {
        giveUp.run();
        ended(CompletableFuture.allOf(ends()));
        underWay.clear();
        return thrown(failure);
    }

    private static RuntimeException thrown(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        return (RuntimeException) failure;
    }
}
