package duet.cli.web;

import java.util.Map;

/** What a client is told in place of an answer: a status and a sentence. Nothing of this machine belongs into it. */
public final class WebException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final int status;
    private final transient Map<String, String> headers;

    /**
     * A refusal.
     *
     * @param status   of HTTP, 4xx or 5xx
     * @param sentence what is wrong and what helps
     */
    public WebException(int status, String sentence) {
        this(status, sentence, Map.of());
    }

    /**
     * A refusal with headers.
     *
     * @param status   of HTTP, 4xx or 5xx
     * @param sentence what is wrong and what helps
     * @param headers  such as {@code Retry-After}
     */
    public WebException(int status, String sentence, Map<String, String> headers) {
        super(sentence);
        this.status = status;
        this.headers = Map.copyOf(headers);
    }

    /** {@return the status of HTTP} */
    public int status() {
        return status;
    }

    Map<String, String> headers() {
        return headers;
    }
}
