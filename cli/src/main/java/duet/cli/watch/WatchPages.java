package duet.cli.watch;

import java.io.IOException;
import java.util.List;
import java.util.Map;

import duet.cli.web.Asset;
import duet.cli.web.Events;
import duet.cli.web.Exchange;
import duet.cli.web.Route;
import duet.cli.web.Routes;
import duet.cli.web.WebException;
import duet.cli.web.WebServer;
import duet.train.output.Metrics;
import duet.train.schedule.RateChange;

/** All that a browser may ask for. A run is asked for by the name that the list gives it; whatever else stands there is no run. */
final class WatchPages {
    private static final String PNG = "image/png";
    private static final int MOST_POINTS = 2000;
    private static final int USUAL_POINTS = 800;

    private final RunList runs;
    private final Evaluations evaluations;

    WatchPages(RunList runs, Evaluations evaluations) {
        this.runs = runs;
        this.evaluations = evaluations;
    }

    /** Answers for a run that there is. */
    private interface OfRun {
        void answer(Exchange exchange, Run run) throws Exception;
    }

    /** A run with all that is said about it once. */
    record Details(RunSummary summary, Map<String, String> facts, List<RateChange> changes, List<Metrics> validations,
            Evaluations.Status evaluation) {}

    /**
     * The curves of a run.
     *
     * @param count         lines of steps that there are, of which the training may show fewer points
     * @param epochsOfAStep by which a step is turned into an epoch
     */
    record Series(String run, int generation, int count, double epochsOfAStep, Course.Curve training, List<Metrics> validations,
            List<RateChange> changes) {}

    Routes routes() {
        Routes routes = new Routes();
        routes.asset("/", new Asset(WatchPages.class, "index.html"));
        for (String file : List.of("watch.css", "main.js", "format.js", "charts.js", "details.js", "plan.js", "icon.svg")) {
            routes.asset("/" + file, new Asset(WatchPages.class, file));
        }
        routes.asset("/page.css", new Asset(WebServer.class, "page.css"));
        routes.asset("/uPlot.iife.min.js", new Asset(WebServer.class, "uplot/uPlot.iife.min.js"));
        routes.asset("/uPlot.min.css", new Asset(WebServer.class, "uplot/uPlot.min.css"));
        return routes.get("/api/runs", exchange -> json(exchange, runs.runs().stream().map(Run::summary).toList()))
                .get("/api/runs/{run}", of((exchange, run) -> json(exchange, details(run))))
                .get("/api/runs/{run}/series", of(WatchPages::series))
                .get("/api/runs/{run}/plan", of((exchange, run) -> json(exchange, PlanFile.of(run))))
                .get("/api/runs/{run}/pictures/filters", of((exchange, run) -> png(exchange, RunPictures.filters(run))))
                .get("/api/runs/{run}/pictures/mistakes", of((exchange, run) -> png(exchange, mistakes(run))))
                .get("/api/runs/{run}/evaluation", of((exchange, run) -> json(exchange, evaluations.of(run))))
                .post("/api/runs/{run}/evaluation", of((exchange, run) -> {
                    requireOwnPage(exchange);
                    json(exchange, evaluations.begin(run).brief());
                }))
                .get("/api/events", this::events);
    }

    private Route of(OfRun route) {
        return exchange -> {
            Run run = runs.run(exchange.parameter("run"));
            if (run == null) {
                throw new WebException(404, "there is no such run; /api/runs lists them");
            }
            route.answer(exchange, run);
        };
    }

    /** A page of another site could have work done here. */
    private static void requireOwnPage(Exchange exchange) {
        String site = exchange.header("Sec-Fetch-Site");
        if (site != null && !site.equals("same-origin") && !site.equals("none")) {
            throw new WebException(403, "only the page of duet watch asks for this");
        }
    }

    private Details details(Run run) {
        Facts facts = run.facts();
        return new Details(run.summary(), facts == null ? Map.of() : facts.words(), run.course().changes(0), run.course().validations(0),
                evaluations.of(run).brief());
    }

    private static void series(Exchange exchange, Run run) throws IOException {
        Course course = run.course();
        Course.Extent extent = course.extent();
        int points = (int) number(exchange, "points", USUAL_POINTS);
        if (points < 1 || points > MOST_POINTS) {
            throw new WebException(400, "points can be from 1 to " + MOST_POINTS);
        }
        json(exchange, new Series(run.id(), extent.generation(), extent.count(), course.epochsOfAStep(),
                course.between(number(exchange, "from", 0), number(exchange, "to", Integer.MAX_VALUE), points), course.validations(0),
                course.changes(0)));
    }

    private static long number(Exchange exchange, String name, long otherwise) {
        String text = exchange.query(name);
        if (text == null) {
            return otherwise;
        }
        if (!text.matches("\\d{1,10}")) {
            throw new WebException(400, name + " must be a number of up to 10 digits");
        }
        return Long.parseLong(text);
    }

    private byte[] mistakes(Run run) {
        Evaluations.Result result = evaluations.of(run).result();
        if (result == null || result.picture() == null) {
            throw new WebException(404, "there is no evaluation with mistakes of this run");
        }
        return result.picture();
    }

    private void events(Exchange exchange) throws IOException, InterruptedException {
        if (exchange.method().equals("HEAD")) {
            exchange.text("text/event-stream", "");
            return;
        }
        try (Events events = exchange.events()) {
            new EventStream(runs, evaluations, events).tell();
        }
    }

    private static void json(Exchange exchange, Object value) throws IOException {
        exchange.set("Cache-Control", "no-store");
        exchange.json(200, value);
    }

    private static void png(Exchange exchange, byte[] bytes) throws IOException {
        exchange.set("Cache-Control", "no-store");
        exchange.respond(200, PNG, bytes);
    }
}
