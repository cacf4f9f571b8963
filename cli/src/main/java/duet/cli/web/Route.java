package duet.cli.web;

/** Answers requests to a path. */
@FunctionalInterface
public interface Route {
    /**
     * Answers a request, on a thread of its own; it may wait.
     *
     * @param exchange the request and its answer
     * @throws WebException what the client is told instead
     * @throws Exception    whatever else: the client is told that something went wrong here, the log what
     */
    void answer(Exchange exchange) throws Exception;
}
