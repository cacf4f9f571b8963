package duet.cli.web;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.zip.CRC32C;

/** A file out of the jar as a browser loads it: kept in memory, and not sent again while the browser has it. */
public final class Asset implements Route {
    private static final Map<String, String> TYPES = Map.of("html", "text/html;charset=utf-8", "css", "text/css;charset=utf-8",
            "js", "text/javascript;charset=utf-8", "svg", "image/svg+xml", "png", "image/png");
    /** Nothing but what comes from here; images that a page has made itself. */
    private static final String POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
            + "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

    private final byte[] bytes;
    private final String type;
    private final String tag;

    /**
     * Reads the file.
     *
     * @param near a class of the package that has it
     * @param name its path below the package
     */
    public Asset(Class<?> near, String name) {
        type = TYPES.get(name.substring(name.lastIndexOf('.') + 1));
        if (type == null) {
            throw new IllegalArgumentException("no type is known for " + name);
        }
        try (InputStream in = near.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is missing in the jar of " + near.getName());
            }
            bytes = in.readAllBytes();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        CRC32C sum = new CRC32C();
        sum.update(bytes);
        tag = "\"" + Long.toHexString(sum.getValue()) + "\"";
    }

    @Override
    public void answer(Exchange exchange) throws IOException {
        exchange.set("ETag", tag);
        exchange.set("Cache-Control", "no-cache"); // to be asked for again, and mostly answered with 304
        exchange.set("Content-Security-Policy", POLICY);
        if (tag.equals(exchange.header("If-None-Match"))) {
            exchange.respond(304, type, new byte[0]);
        } else {
            exchange.respond(200, type, bytes);
        }
    }
}
