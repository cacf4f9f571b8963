package duet.cli.web;

import java.io.IOException;
import java.net.BindException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.logging.Level;
import java.util.logging.Logger;

import duet.cli.output.CommandFailure;
import duet.cli.output.Json;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpVersion;
import org.eclipse.jetty.http.MetaData;
import org.eclipse.jetty.http.pathmap.MatchedResource;
import org.eclipse.jetty.http.pathmap.PathMappings;
import org.eclipse.jetty.http.pathmap.UriTemplatePathSpec;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.io.Connection;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Connector;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.GracefulHandler;
import org.eclipse.jetty.server.handler.MinimumDataRateHandler;
import org.eclipse.jetty.util.Callback;
import org.eclipse.jetty.util.thread.VirtualThreadPool;

/**
 * A web server: HTTP/1.1 and, without TLS, HTTP/2 on one port; TLS is a proxy's business. Slow clients, too many connections and large
 * heads are cut off, whatever a route fails with is a sentence in JSON for the client ({@code {"error": ...}}) and closing waits for the
 * requests that have begun.
 */
public final class WebServer implements AutoCloseable {
    private static final Logger JETTY = Logger.getLogger("org.eclipse.jetty"); // a field: its level is lost with it
    private static final int MOST_CONNECTIONS = 4096;
    private static final int NO_LIMIT = -1;
    private static final Duration IDLE = Duration.ofSeconds(30);
    /** Bytes a second of a body, on average. */
    private static final int SLOWEST_BODY = 1000;
    private static final int HEADER_BYTES = 8192;
    /** What is read at once: images are bodies of some hundred thousand bytes, for which Jetty's 8192 would be many calls. */
    private static final int INPUT_BYTES = 1 << 16;
    private static final Duration LAST_REQUESTS = Duration.ofSeconds(30);

    private final Server server;
    private final ServerConnector connector;
    private final Access access;

    /**
     * What was asked and answered, for logs and metrics.
     *
     * @param method of the request
     * @param path   the route, such as {@code /v2/models/{model}}; null if there is none
     * @param asked  the path as it was asked for
     * @param status of the answer
     * @param bytes  of the request's body
     * @param took   until the answer was sent
     * @param fault  what went wrong here, or null
     */
    public record Answered(String method, String path, String asked, int status, long bytes, Duration took, Throwable fault) {}

    private WebServer(Access access, int port, Routes routes, Consumer<Answered> log) throws IOException {
        JETTY.setLevel(Level.SEVERE); // clients' mistakes are no news
        this.access = access;
        server = new Server(new VirtualThreadPool(NO_LIMIT)); // usually 200: as many clients who say nothing would hold up all others
        HttpConfiguration configuration = new HttpConfiguration();
        configuration.setSendServerVersion(false);
        configuration.setRequestHeaderSize(HEADER_BYTES);
        HttpConnectionFactory http1 = new HttpConnectionFactory(configuration);
        http1.setInputBufferSize(INPUT_BYTES);
        connector = new ServerConnector(server, 1, 1, http1, new Http2(configuration));
        connector.setHost(access.host());
        connector.setPort(port);
        connector.setIdleTimeout(IDLE.toMillis());
        server.addConnector(connector);
        server.addBean(new NetworkConnectionLimit(MOST_CONNECTIONS, connector));
        server.setErrorHandler(WebServer::refusedBefore);
        GracefulHandler graceful = new GracefulHandler();
        MinimumDataRateHandler patience = new MinimumDataRateHandler(SLOWEST_BODY, 0);
        patience.setHandler(new Answering(access, routes, log));
        graceful.setHandler(patience);
        server.setHandler(graceful);
    }

    /**
     * Starts a server.
     *
     * @param access who may ask, and the address
     * @param port   0: any that is free
     * @param routes what is answered
     * @param log    told of every answer, by many threads
     * @return the server; close it
     * @throws CommandFailure if it cannot listen there
     */
    public static WebServer start(Access access, int port, Routes routes, Consumer<Answered> log) throws IOException {
        WebServer web = new WebServer(access, port, routes, log);
        try {
            web.server.start();
            return web;
        } catch (Exception e) {
            web.close();
            Throwable cause = e.getCause() instanceof BindException bind ? bind : e;
            throw new CommandFailure("cannot listen on " + access.host() + ", port " + port + ": " + cause.getMessage()
                    + "; --port 0 takes any that is free");
        }
    }

    /** {@return where it is found} */
    public URI address() {
        String host = access.host().contains(":") ? "[" + access.host() + "]" : access.host();
        return URI.create("http://" + host + ":" + connector.getLocalPort() + "/");
    }

    /** Takes no more requests, waits for those that have begun, up to 30 s, and ends. */
    @Override
    public void close() throws IOException {
        close(LAST_REQUESTS);
    }

    /**
     * Takes no more requests, waits for those that have begun, and ends. Who is still connected then is cut off: also a client of HTTP/2
     * that has gone without a word, whose session Jetty keeps.
     *
     * @param longest how long it waits
     */
    public void close(Duration longest) throws IOException {
        server.setStopTimeout(longest.toMillis());
        try {
            server.stop();
        } catch (TimeoutException cutOff) {
            // all has been stopped nevertheless
        } catch (Exception e) {
            throw new IOException("the web server did not end well: " + e.getMessage(), e);
        }
    }

    /** What Jetty itself refuses, such as a damaged head. */
    private static boolean refusedBefore(Request request, Response response, Callback callback) {
        String sentence = response.getStatus() == 503 ? "this server is ending" : "the request cannot be read";
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, Exchange.JSON);
        response.write(true, ByteBuffer.wrap(Json.bytes(Map.of("error", sentence))), callback);
        return true;
    }

    /**
     * HTTP/2 without TLS. A request that asks for it (Upgrade: h2c) and has a body in chunks is answered by HTTP/1.1: Jetty would lose the
     * body; it knows of bodies with a length only.
     */
    private static final class Http2 extends HTTP2CServerConnectionFactory {
        Http2(HttpConfiguration configuration) {
            super(configuration);
        }

        @Override
        public Connection upgradeConnection(Connector connector, EndPoint endPoint, MetaData.Request request, HttpFields.Mutable fields) {
            return request.getHttpFields().contains(HttpHeader.TRANSFER_ENCODING) ? null
                    : super.upgradeConnection(connector, endPoint, request, fields);
        }
    }

    /** Finds the route and turns what it fails with into an answer. */
    private static final class Answering extends Handler.Abstract {
        private final PathMappings<Map<String, Route>> mappings = new PathMappings<>();
        private final Access access;
        private final Routes routes;
        private final Consumer<Answered> log;

        Answering(Access access, Routes routes, Consumer<Answered> log) {
            this.access = access;
            this.routes = routes;
            this.log = log;
            routes.paths().forEach(mappings::put);
        }

        @Override
        public boolean handle(Request request, Response response, Callback callback) {
            long begun = System.nanoTime();
            MatchedResource<Map<String, Route>> found = mappings.getMatched(Request.getPathInContext(request));
            UriTemplatePathSpec path = found == null ? null : (UriTemplatePathSpec) found.getPathSpec();
            Exchange exchange = new Exchange(request, response, path);
            Throwable fault = null;
            try {
                response.getHeaders().put("X-Content-Type-Options", "nosniff");
                answer(exchange, path, found, request, response);
            } catch (WebException e) {
                fault = e.status() == 500 ? e : null;
                refuse(exchange, e);
            } catch (Throwable e) { // whatever a route fails with, an Error, too, the server goes on
                fault = exchange.answered() ? null : e; // else it is the client who has gone
                refuse(exchange, new WebException(500, "something went wrong here; the server's log says what"));
            }
            callback.succeeded();
            log.accept(new Answered(request.getMethod(), path == null ? null : path.getDeclaration(), Request.getPathInContext(request),
                    response.getStatus(), exchange.received(), Duration.ofNanos(System.nanoTime() - begun), fault));
            return true;
        }

        private void answer(Exchange exchange, UriTemplatePathSpec path, MatchedResource<Map<String, Route>> found, Request request,
                Response response) throws Exception {
            if (path == null || !routes.open(path)) {
                access.check(request, response);
            }
            if (found == null) {
                throw new WebException(404, "there is nothing at this path");
            }
            Map<String, Route> methods = found.getResource();
            Route route = methods.get(exchange.method().equals("HEAD") ? "GET" : exchange.method());
            if (route == null) {
                throw new WebException(405, "this path takes " + String.join(" or ", methods.keySet()) + " only",
                        Map.of("Allow", String.join(", ", methods.keySet())));
            }
            route.answer(exchange);
        }

        private static void refuse(Exchange exchange, WebException e) {
            if (exchange.answered()) {
                return;
            }
            try {
                e.headers().forEach(exchange::set);
                if (!exchange.drop() && exchange.version() == HttpVersion.HTTP_1_1) {
                    exchange.set("Connection", "close");
                }
                exchange.json(e.status(), Map.of("error", e.getMessage()));
            } catch (IOException gone) {
                // nobody is there to be told
            }
        }
    }
}
