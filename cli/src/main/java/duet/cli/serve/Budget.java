package duet.cli.serve;

import java.util.Map;
import java.util.concurrent.Semaphore;

import duet.cli.web.WebException;

/** Memory for what clients send: who does not find room is told to come again, rather than all fail together. */
final class Budget {
    private static final int UNIT = 1024;

    private final Semaphore units;
    private final int all;

    /** @param bytes for all clients together */
    Budget(long bytes) {
        all = (int) Math.min(Integer.MAX_VALUE, bytes / UNIT);
        units = new Semaphore(all);
    }

    /** Room that is held. */
    interface Room extends AutoCloseable {
        @Override
        void close();
    }

    /**
     * Takes room.
     *
     * @param bytes that a request may need
     * @return to be closed
     * @throws WebException 413 if there is never so much, 429 if there is not now
     */
    Room take(long bytes) {
        int wanted = (int) Math.min(Integer.MAX_VALUE, bytes / UNIT + 1);
        if (wanted > all) {
            throw new WebException(413, "this request would need more memory than there is for all of them; send fewer images at once");
        }
        if (!units.tryAcquire(wanted)) {
            throw busy("other requests fill the memory that there is for them", 1);
        }
        return () -> units.release(wanted);
    }

    static WebException busy(String sentence, long seconds) {
        return new WebException(429, sentence + "; ask again later", Map.of("Retry-After", Long.toString(seconds)));
    }
}
