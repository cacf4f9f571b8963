package duet.cli.web;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;

import duet.cli.output.Json;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.pathmap.UriTemplatePathSpec;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Blocker;
import org.eclipse.jetty.util.Fields;

/** A request and its answer. For one thread. */
public final class Exchange {
    /** Of answers in JSON. */
    public static final String JSON = "application/json";

    /** Bytes of a body that is refused. */
    private static final long MOST_DROPPED = 64L << 20;

    private final Request request;
    private final Response response;
    private final Map<String, String> parameters;
    private long received;

    Exchange(Request request, Response response, UriTemplatePathSpec path) {
        this.request = request;
        this.response = response;
        parameters = path == null ? Map.of() : path.getPathParams(Request.getPathInContext(request));
    }

    /** {@return what stands in a path in place of {@code {name}}} */
    public String parameter(String name) {
        return parameters.get(name);
    }

    /** {@return a value of the query, or null} */
    public String query(String name) {
        Fields fields = Request.extractQueryParameters(request);
        return fields.getValue(name);
    }

    /** {@return a header of the request, or null} */
    public String header(String name) {
        return request.getHeaders().get(name);
    }

    /** {@return GET, POST and so on} */
    public String method() {
        return request.getMethod();
    }

    /**
     * Reads the request's body. Waits for the client, who is cut off if it is too slow.
     *
     * @param most bytes that are taken
     * @return the body
     * @throws WebException 413 if it is longer, 400 if it ends too early, 415 if it is compressed
     */
    public byte[] body(int most) {
        String encoding = header("Content-Encoding");
        if (encoding != null && !encoding.strip().equalsIgnoreCase("identity")) {
            throw new WebException(415, "the body is compressed (Content-Encoding); send it as it is");
        }
        if (length() > most) {
            throw tooLong(most);
        }
        InputStream in = Content.Source.asInputStream(request); // not closed: Jetty would take the rest of the body for lost
        try {
            byte[] bytes = length() < 0 ? in.readNBytes(most) : exactly((int) length(), in);
            if (in.read() >= 0) { // the end must be read in any case: Jetty takes the client for gone otherwise
                throw tooLong(most);
            }
            received = bytes.length;
            return bytes;
        } catch (IOException e) {
            throw new WebException(400, "the body ended before it was complete");
        }
    }

    private static WebException tooLong(int most) {
        return new WebException(413, "the body is longer than the " + most + " bytes that are taken");
    }

    /**
     * Reads what is left of the body of a refused request: many clients look at the answer only once they have sent all, and send their
     * next request on the same connection, which Jetty closes if it has not read the body.
     *
     * @return whether that is all; not if there is too much of it, or the client waits with it until it is asked for it
     */
    boolean drop() {
        if (header("Expect") != null) {
            return false;
        }
        try {
            InputStream rest = Content.Source.asInputStream(request);
            rest.skip(MOST_DROPPED);
            return rest.read() < 0;
        } catch (IOException gone) {
            return false;
        }
    }

    /** Into one array, which {@link InputStream#readNBytes(int)} would put together from pieces. */
    private static byte[] exactly(int length, InputStream in) throws IOException {
        byte[] bytes = new byte[length];
        int read = in.readNBytes(bytes, 0, length);
        return read == length ? bytes : Arrays.copyOf(bytes, read);
    }

    /** {@return bytes of the request's body; negative if nobody has said so} */
    public long length() {
        return request.getLength();
    }

    /**
     * Asks to be told when the client has gone before it was answered.
     *
     * @param action called by another thread
     */
    public void onGone(Runnable action) {
        request.addFailureListener(failure -> action.run());
    }

    /** Bytes of the body that were read. */
    long received() {
        return received;
    }

    /**
     * Sets a header of the answer.
     *
     * @param name  of the header
     * @param value its value
     */
    public void set(String name, String value) {
        response.getHeaders().put(name, value);
    }

    /**
     * Answers.
     *
     * @param status of HTTP
     * @param type   media type
     * @param bytes  the body
     */
    public void respond(int status, String type, byte[] bytes) throws IOException {
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, type);
        response.getHeaders().put(HttpHeader.CONTENT_LENGTH, bytes.length);
        write(true, ByteBuffer.wrap(bytes));
    }

    /**
     * Answers in text.
     *
     * @param type media type; UTF-8 is added
     * @param text the body
     */
    public void text(String type, String text) throws IOException {
        respond(200, type + ";charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Answers in JSON.
     *
     * @param status of HTTP
     * @param value  written by Jackson
     */
    public void json(int status, Object value) throws IOException {
        respond(status, JSON, Json.bytes(value));
    }

    /** {@return the answer as a stream of events that goes on until either side ends it} */
    public Events events() throws IOException {
        response.setStatus(200);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream;charset=utf-8");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-store");
        response.getHeaders().put("X-Accel-Buffering", "no"); // nginx would gather events
        return new Events(this);
    }

    HttpVersion version() {
        return request.getConnectionMetaData().getHttpVersion();
    }

    boolean answered() {
        return response.isCommitted();
    }

    void write(boolean last, ByteBuffer bytes) throws IOException {
        try (Blocker.Callback written = Blocker.callback()) {
            response.write(last, bytes, written);
            written.block();
        }
    }
}
