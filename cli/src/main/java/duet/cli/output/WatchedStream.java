package duet.cli.output;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;

/** Remembers why writing failed, which PrintStream and PrintWriter keep to themselves. */
public final class WatchedStream extends FilterOutputStream {
    private volatile IOException failure;

    public WatchedStream(OutputStream target) {
        super(target);
    }

    /** Null while all is well. */
    public IOException failure() {
        return failure;
    }

    /** The reader has gone, as after {@code | head}. */
    public boolean hungUp() {
        return failure != null && String.valueOf(failure.getMessage()).contains("Broken pipe");
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
        try {
            out.write(bytes, offset, length);
        } catch (IOException e) {
            failure = e;
            throw e;
        }
    }

    @Override
    public void write(int value) throws IOException {
        write(new byte[] {(byte) value}, 0, 1);
    }
}
