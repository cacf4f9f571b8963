package duet.cli.watch;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;

import duet.cli.output.Failures;
import duet.cli.web.Access;
import duet.cli.web.WebServer;

/** A page over the output folders of trainings, until it is closed. */
public final class Watch implements AutoCloseable {
    /** Of which none takes long. */
    private static final Duration LAST_REQUESTS = Duration.ofSeconds(2);

    private final RunList runs;
    private final Evaluations evaluations;
    private final WebServer server;

    private Watch(RunList runs, Evaluations evaluations, WebServer server) {
        this.runs = runs;
        this.evaluations = evaluations;
        this.server = server;
    }

    /**
     * Begins.
     *
     * @param access  who may look, and the address
     * @param port    0: any that is free
     * @param folders output folders of trainings, or folders that hold some; they need not exist yet
     * @param warning told in a sentence of what cannot be read, by several threads
     * @return the page; close it
     * @throws IOException with a sentence, if it cannot listen there
     */
    public static Watch start(Access access, int port, List<Path> folders, Consumer<String> warning) throws IOException {
        RunList runs = new RunList(folders, warning);
        Evaluations evaluations = new Evaluations(runs, warning);
        try {
            WebServer server = WebServer.start(access, port, new WatchPages(runs, evaluations).routes(), answered -> {
                if (answered.fault() != null) {
                    warning.accept(answered.method() + " " + answered.asked() + ": " + Failures.sentence(answered.fault()));
                }
            });
            return new Watch(runs, evaluations, server);
        } catch (IOException | RuntimeException e) {
            runs.close();
            evaluations.close();
            throw e;
        }
    }

    /** {@return how many runs there are at this moment} */
    public int count() {
        return runs.count();
    }

    /** {@return where it is found} */
    public URI address() {
        return server.address();
    }

    /** Ends the streams of events first, so that nobody is waited for. */
    @Override
    public void close() throws IOException {
        runs.close();
        evaluations.close();
        server.close(LAST_REQUESTS);
    }
}
