package duet.data.source;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/**
 * Closes a download that delivers nothing for some time: the HTTP client's own timeout ends with the headers. Its thread looks
 * ten times in that span.
 */
final class StallGuard extends FilterInputStream {
    private final Duration patience;
    private final Thread watch;
    private volatile long lastByte = System.nanoTime();
    private volatile boolean stalled;

    StallGuard(InputStream in, Duration patience) {
        super(in);
        this.patience = patience;
        watch = Thread.ofVirtual().start(this::watch);
    }

    private void watch() {
        try {
            while (System.nanoTime() - lastByte < patience.toNanos()) {
                Thread.sleep(patience.dividedBy(10));
            }
            stalled = true;
            in.close();
        } catch (InterruptedException | IOException e) {
            // The download has ended, or the stream is closed already: nothing left to watch.
        }
    }

    @Override
    public int read(byte[] target, int offset, int length) throws IOException {
        try {
            int count = in.read(target, offset, length);
            lastByte = System.nanoTime();
            if (stalled) {
                throw new IOException("stream closed");
            }
            return count;
        } catch (IOException e) {
            throw stalled ? new IOException("nothing came for %s s".formatted(patience.toMillis() / 1000.0), e) : e;
        }
    }

    @Override
    public void close() throws IOException {
        watch.interrupt();
        super.close();
    }
}
