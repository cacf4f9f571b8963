package duet.cli.web;

import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.InflaterInputStream;

/** How a body is compressed (RFC 9110, section 8.4.1). */
enum ContentEncoding {
    NONE, GZIP, DEFLATE;

    /**
     * {@return what a request says}
     *
     * @param header {@code Content-Encoding}, or null
     * @throws WebException 415 if it is something else
     */
    static ContentEncoding of(String header) {
        return switch (header == null ? "" : header.strip().toLowerCase(Locale.ROOT)) {
            case "", "identity" -> NONE;
            case "gzip", "x-gzip" -> GZIP;
            case "deflate" -> DEFLATE;
            default -> throw new WebException(415, "the body can be compressed by gzip or deflate, or not at all");
        };
    }

    InputStream uncompressed(InputStream in) throws IOException {
        return switch (this) {
            case NONE -> in;
            case GZIP -> new GZIPInputStream(in);
            case DEFLATE -> new InflaterInputStream(in);
        };
    }
}
