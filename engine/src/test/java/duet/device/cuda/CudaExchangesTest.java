package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;

import duet.device.DeviceException;
import org.junit.jupiter.api.Test;

/** Exchanges that are under way at the same time: none waits for another, and when one fails none goes on. */
class CudaExchangesTest {
    private final CountDownLatch givenUp = new CountDownLatch(1);
    private final CudaExchanges exchanges = new CudaExchanges(givenUp::countDown);

    /** An exchange that waits until this process gives up. */
    private void waitInVain() {
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
        throw new DeviceException("fc6: given up");
    }

    @Test
    void theSecondNeedNotWaitForTheFirst() {
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
        AtomicBoolean ended = new AtomicBoolean();
        exchanges.start("waits", () -> {
            try {
                waitInVain();
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
        assertSame(failure, exchanges.failed(failure));
        assertTrue(ended.get(), "its memory may be written to");
        assertFalse(exchanges.await(), "nothing is under way");
    }

    @Test
    void whatFailsElsewhereEndsThem() {
        CudaExchanges.Exchange waits = exchanges.start("waits", this::waitInVain);
        Thread.currentThread().interrupt();
        IllegalStateException failure = new IllegalStateException("a kernel");
        assertSame(failure, exchanges.failed(failure));
        assertTrue(Thread.interrupted());
        assertThrows(DeviceException.class, waits::over);
    }
}
