package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

import duet.device.DeviceException;
import duet.device.Ranks;
import org.junit.jupiter.api.Test;

/** Exchanges that are under way at the same time: none waits for another, and when one fails none goes on. */
class CudaExchangesTest {
    /** Whose exchanges wait until this process gives up. */
    private static final class Stuck implements Ranks {
        final CountDownLatch givenUp = new CountDownLatch(1);

        @Override
        public int rank() {
            return 0;
        }

        @Override
        public int size() {
            return 2;
        }

        @Override
        public String description() {
            return "stuck";
        }

        @Override
        public String name(int rank) {
            return "rank " + rank;
        }

        @Override
        public List<byte[]> gather(String what, byte[] own) {
            return List.of(own, own);
        }

        @Override
        public void broadcast(String what, ByteBuffer data, int root) {}

        @Override
        public void exchange(String what, List<Message> sends, List<Message> receives) {
            boolean interrupted = false;
            while (givenUp.getCount() > 0) {
                try {
                    givenUp.await();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            throw new DeviceException(what + ": given up");
        }

        @Override
        public void giveUp() {
            givenUp.countDown();
        }

        @Override
        public void close() {}
    }

    @Test
    void theSecondNeedNotWaitForTheFirst() {
        CudaExchanges exchanges = new CudaExchanges(Ranks.ALONE);
        CountDownLatch second = new CountDownLatch(1);
        CudaExchanges.Exchange waiting = exchanges.start("first", () -> {
            try {
                second.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        });
        CudaExchanges.Exchange other = exchanges.start("second", second::countDown);
        boolean[] over = new boolean[2];
        while (!over[0] || !over[1]) {
            assertTrue(exchanges.await());
            over[0] = over[0] || waiting.over();
            over[1] = over[1] || other.over();
        }
        assertFalse(exchanges.await(), "nothing is under way");
    }

    @Test
    void whenOneFailsTheOthersEndFirst() {
        Stuck ranks = new Stuck();
        CudaExchanges exchanges = new CudaExchanges(ranks);
        AtomicBoolean ended = new AtomicBoolean();
        exchanges.start("waits", () -> {
            try {
                ranks.exchange("fc6", List.of(), List.of());
            } finally {
                ended.set(true);
            }
        });
        DeviceException failure = new DeviceException("the card is gone");
        CudaExchanges.Exchange fails = exchanges.start("fails", () -> {
            throw failure;
        });
        assertTrue(exchanges.await());
        assertFalse(ended.get());
        assertSame(failure, assertThrows(DeviceException.class, fails::over));
        assertTrue(ended.get(), "its memory may be written to");
        assertFalse(exchanges.await(), "nothing is under way");
    }

    @Test
    void whatFailsElsewhereEndsThem() {
        Stuck ranks = new Stuck();
        CudaExchanges exchanges = new CudaExchanges(ranks);
        CudaExchanges.Exchange waits = exchanges.start("waits", () -> ranks.exchange("fc6", List.of(), List.of()));
        Thread.currentThread().interrupt();
        IllegalStateException failure = new IllegalStateException("a kernel");
        assertSame(failure, exchanges.failed(failure));
        assertTrue(Thread.interrupted());
        assertThrows(DeviceException.class, waits::over);
    }
}
