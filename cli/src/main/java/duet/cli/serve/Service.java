package duet.cli.serve;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;

import duet.cli.output.Json;
import duet.cli.web.Exchange;
import duet.cli.web.Routes;
import duet.cli.web.WebException;
import duet.data.DataException;
import duet.data.source.Datasets;
import duet.net.Network;
import duet.net.Shape;
import duet.train.schedule.TrainingException;
import duet.use.BusyException;
import duet.use.Classifier.Prediction;

/**
 * What the service answers: the Open Inference Protocol, version 2, and {@code POST /predict} with an image file. Every refusal is a
 * sentence; none tells of this machine.
 */
final class Service {
    private static final String NAME = "duet";
    private static final List<String> EXTENSIONS = List.of("binary_tensor_data", "classification", "model_repository");
    private static final String BINARY = "application/octet-stream";
    private static final String HEADER_LENGTH = "Inference-Header-Content-Length";
    /** An image file is decoded in about three times its own size besides what decoders bound themselves. */
    private static final int FILE_FACTOR = 3;
    /** A number in JSON is two characters at least, and an object in memory. */
    private static final int JSON_FACTOR = 12;

    private static final int MOST_EXPLANATIONS = 8;

    private final Map<String, ServedModel> models;
    private final ServiceLimits limits;
    private final String programVersion;
    private final Budget budget;
    private final Semaphore explaining = new Semaphore(MOST_EXPLANATIONS);
    private final Semaphore decoding = new Semaphore(Runtime.getRuntime().availableProcessors());

    /** @param models by their names, the one that is asked for without a name first */
    Service(Map<String, ServedModel> models, ServiceLimits limits, String programVersion) {
        this.models = models;
        this.limits = limits;
        this.programVersion = programVersion;
        budget = new Budget(limits.memory());
    }

    Routes routes(ServiceMetrics metrics) {
        Routes routes = ServePage.on(new Routes())
                .open("/v2/health/live", x -> x.json(200, Map.of("live", true)))
                .open("/v2/health/ready", x -> x.json(200, Map.of("ready", true)))
                .get("/metrics",
                        x -> x.respond(200, "text/plain; version=0.0.4; charset=utf-8", metrics.text().getBytes(StandardCharsets.UTF_8)))
                .get("/models", x -> x.json(200, new Answers.Models(models.values().stream().map(Service::described).toList())))
                .get("/v2", this::server)
                .get("/v2/", this::server) // so the protocol's schema writes it
                .post("/v2/repository/index", x -> x.json(200, index()))
                .post("/predict", this::predict)
                .post("/explain", this::explain);
        for (String version : List.of("", "/versions/{version}")) {
            String model = "/v2/models/{model}" + version;
            routes.get(model, x -> x.json(200, metadata(x)))
                    .get(model + "/ready", this::ready)
                    .post(model + "/infer", this::infer);
        }
        return routes;
    }

    private void server(Exchange exchange) throws IOException {
        exchange.json(200, ordered("name", NAME, "version", programVersion, "extensions", EXTENSIONS));
    }

    /** Whatever is served is ready. */
    private void ready(Exchange exchange) throws IOException {
        version(exchange);
        exchange.json(200, ordered("name", exchange.parameter("model"), "ready", true));
    }

    private static Map<String, Object> ordered(Object... namesAndValues) {
        Map<String, Object> map = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            map.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return map;
    }

    /** @param name null: the first */
    private ServedModel model(String name) {
        ServedModel model = name == null ? models.values().iterator().next() : models.get(name);
        if (model == null) {
            throw new WebException(404, "there is no model of this name; there are " + String.join(", ", models.keySet()));
        }
        return model;
    }

    private ModelVersion version(Exchange exchange) {
        return model(exchange.parameter("model")).version(exchange.parameter("version"));
    }

    private static Answers.Model described(ServedModel model) {
        ModelVersion newest = model.version(null);
        Network network = newest.checkpoint().network();
        return new Answers.Model(model.name(), newest.version(), network.name(), network.classes(), Answers.Input.of(network.input()),
                Answers.Model.READY);
    }

    private List<Map<String, Object>> index() {
        List<Map<String, Object>> index = new ArrayList<>();
        models.values().forEach(model -> model.versions()
                .forEach(each -> index.add(ordered("name", model.name(), "version", each.version(), "state", "READY", "reason", ""))));
        return index;
    }

    private Map<String, Object> metadata(Exchange exchange) {
        ServedModel model = model(exchange.parameter("model"));
        ModelVersion version = model.version(exchange.parameter("version"));
        Shape stored = version.checkpoint().stored();
        return ordered("name", model.name(), "versions", model.versions().stream().map(ModelVersion::version).toList(), "platform", "duet",
                "inputs",
                List.of(ordered("name", InferRequest.IMAGE, "datatype", "UINT8", "shape",
                        List.of(-1, stored.height(), stored.width(), stored.channels()))),
                "outputs", List.of(ordered("name", InferRequest.PROBABILITIES, "datatype", "FP32", "shape",
                        List.of(-1, version.checkpoint().network().classes()))));
    }

    private void infer(Exchange exchange) throws IOException, InterruptedException {
        ServedModel model = model(exchange.parameter("model"));
        ModelVersion version = version(exchange);
        int header = header(exchange.header(HEADER_LENGTH));
        InferRequest request;
        int most = header < 0 ? most(JSON_FACTOR) : most(FILE_FACTOR);
        if (header > most(JSON_FACTOR)) {
            throw new WebException(413, "the JSON is longer than the " + most(JSON_FACTOR) + " bytes that are taken");
        }
        try (Budget.Room _ = room(exchange, most, header < 0 ? JSON_FACTOR : FILE_FACTOR, JSON_FACTOR * (long) Math.max(0, header))) {
            InferRequest.Terms terms = new InferRequest.Terms(model.name(), version.checkpoint().stored(),
                    version.checkpoint().network().classes(), limits.waiting());
            request = InferRequest.parse(exchange.body(most), header, terms,
                    file -> decoded("an image of '" + InferRequest.ENCODED + "'", file, terms.stored()));
        }
        ServedModel.Asked asked = ask(exchange, model, exchange.parameter("version"), request.images());
        List<float[]> all = answer(asked);
        InferResponse response = InferResponse.of(request, model.name(), asked.version().version(), all,
                request.probabilities().classes() == 0 ? null : all.stream().map(asked.version().classifier()::ranked).toList());
        byte[] json = Json.bytes(response.json());
        if (response.binary() == null) {
            exchange.respond(200, Exchange.JSON, json);
            return;
        }
        byte[] both = new byte[json.length + response.binary().length];
        System.arraycopy(json, 0, both, 0, json.length);
        System.arraycopy(response.binary(), 0, both, json.length, response.binary().length);
        exchange.set(HEADER_LENGTH, Integer.toString(json.length));
        exchange.respond(200, BINARY, both);
    }

    private static int header(String length) {
        try {
            int value = length == null ? -1 : Integer.parseInt(length);
            if (length == null || value >= 0) {
                return value;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw InferRequest.bad(HEADER_LENGTH + " must be a number of bytes");
    }

    private void predict(Exchange exchange) throws IOException, InterruptedException {
        ServedModel model = model(exchange.query("model"));
        int top = top(exchange.query("top"));
        byte[] pixels = pixels(exchange, model.version(exchange.query("version")));
        ServedModel.Asked asked = ask(exchange, model, exchange.query("version"), List.of(pixels));
        List<Prediction> ranking = asked.version().classifier().ranked(answer(asked).getFirst());
        exchange.json(200, new Answers.Predictions("body", model.name(), asked.version().version(),
                ranking.subList(0, Math.min(top, ranking.size()))));
    }

    /** Many times as much work as a prediction, and for people: a few at a time. */
    private void explain(Exchange exchange) throws IOException, InterruptedException {
        if (!explaining.tryAcquire()) {
            throw Budget.busy("other pictures are being explained", 1);
        }
        try {
            ModelVersion version = model(exchange.query("model")).version(exchange.query("version"));
            exchange.json(200, version.explainer().explain(pixels(exchange, version), exchange.query("layer")));
        } finally {
            explaining.release();
        }
    }

    private static int top(String text) {
        try {
            int top = text == null ? 5 : Integer.parseInt(text);
            if (top > 0) {
                return top;
            }
        } catch (NumberFormatException e) {
            // told below
        }
        throw InferRequest.bad("'top' must be a number from 1 on");
    }

    /** The body, an image file, as the network stores images. */
    private byte[] pixels(Exchange exchange, ModelVersion version) throws InterruptedException {
        int most = most(FILE_FACTOR);
        try (Budget.Room _ = room(exchange, most, FILE_FACTOR, 0)) {
            return decoded("the body", exchange.body(most), version.checkpoint().stored());
        }
    }

    /** Bytes of a body, of which two find room at any time. */
    private int most(int factor) {
        return (int) Math.min(limits.body(), limits.memory() / 2 / factor);
    }

    /** @param factor bytes that are needed for one of the body, and some more */
    private Budget.Room room(Exchange exchange, int most, int factor, long more) {
        return budget.take(factor * (exchange.length() < 0 ? most : Math.min(exchange.length(), most)) + more);
    }

    private byte[] decoded(String name, byte[] file, Shape stored) {
        decoding.acquireUninterruptibly();
        try {
            return Datasets.readImage(name, file, stored, limits.pixels());
        } catch (DataException e) {
            throw InferRequest.bad(e.getMessage());
        } finally {
            decoding.release();
        }
    }

    /** A client that goes takes its images out of the queue. */
    private ServedModel.Asked ask(Exchange exchange, ServedModel model, String version, List<byte[]> images) {
        try {
            ServedModel.Asked asked = model.ask(version, images);
            exchange.onGone(() -> asked.answer().cancel(false));
            return asked;
        } catch (BusyException e) {
            throw Budget.busy(e.getMessage(), 1);
        }
    }

    private static List<float[]> answer(ServedModel.Asked asked) throws InterruptedException {
        CompletableFuture<List<float[]>> answer = asked.answer();
        try {
            return answer.get();
        } catch (CancellationException e) {
            throw new WebException(499, "the client has gone");
        } catch (ExecutionException e) {
            if (e.getCause() instanceof TrainingException noNumber) { // names a layer, nothing of this machine
                throw new WebException(500, noNumber.getMessage());
            }
            throw e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
        }
    }
}
