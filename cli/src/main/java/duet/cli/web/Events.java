package duet.cli.web;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

import duet.cli.output.Json;

/** Server-sent events to one client. For one thread. */
public final class Events implements AutoCloseable {
    private final Exchange exchange;

    Events(Exchange exchange) {
        this.exchange = exchange;
    }

    /**
     * Sends an event.
     *
     * @param name  of the event
     * @param value its data, written as JSON
     * @throws IOException if the client has gone
     */
    public void send(String name, Object value) throws IOException {
        // JSON has no line ends of its own
        write("event: " + name + "\ndata: " + new String(Json.bytes(value), StandardCharsets.UTF_8) + "\n\n");
    }

    /**
     * Sends a comment, which clients drop: shows whether the client is still there, and keeps the connection from being closed as idle.
     *
     * @throws IOException if the client has gone
     */
    public void beat() throws IOException {
        write(":\n\n");
    }

    private void write(String text) throws IOException {
        exchange.write(false, ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
    }

    /** Ends the stream. */
    @Override
    public void close() throws IOException {
        exchange.write(true, ByteBuffer.allocate(0));
    }
}
