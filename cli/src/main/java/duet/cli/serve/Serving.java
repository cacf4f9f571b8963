package duet.cli.serve;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

import duet.cli.output.Output;
import duet.cli.output.Version;
import duet.cli.web.Access;
import duet.cli.web.WebServer;
import duet.device.Backend;
import duet.model.SafetensorsException;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.train.output.CheckpointFile;
import duet.train.schedule.TrainingException;
import duet.use.BackendThread;
import duet.use.SharedClassifier;

/** A service that runs: the devices, the models on them, the web server, and who looks for newer checkpoints. */
public final class Serving implements AutoCloseable {
    private final ServiceLog log;
    private final BackendThread devices;
    private final Map<String, ServedModel> models = new LinkedHashMap<>();
    private final ServiceMetrics metrics = new ServiceMetrics(models.values());
    private final ScheduledExecutorService reloading = Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("duet-reload").daemon().factory());
    private WebServer server;

    /**
     * What is served, and how.
     *
     * @param runs     output folders or checkpoints by the names that they are served under
     * @param best     the checkpoint of the best validation, not the last one
     * @param versions so many of the newest checkpoints of a folder
     * @param reload   how often newer checkpoints are looked for; zero: never
     * @param gathered what goes through together
     * @param body     bytes of a request's body
     * @param pixels   of an image file
     */
    public record Settings(Map<String, Path> runs, boolean best, int versions, Duration reload, SharedClassifier.Limits gathered, int body,
            long pixels) {}

    /**
     * Where networks are computed.
     *
     * @param opener    opens the devices, once the placement of the first network is known
     * @param placement of a network
     */
    public record Devices(Function<Placement, Backend> opener, Function<Network, Placement> placement) {}

    private Serving(ServiceLog log, BackendThread devices) {
        this.log = log;
        this.devices = devices;
    }

    /**
     * Loads the models and starts to answer.
     *
     * @return close it
     * @throws duet.cli.output.CommandFailure if the address cannot be had
     */
    public static Serving start(Settings settings, Devices devices, Access access, int port, Output output) throws IOException {
        ServiceLog log = new ServiceLog(output);
        Path first = settings.runs().values().iterator().next();
        Network network = network(first);
        Supplier<Backend> opener = () -> devices.opener().apply(devices.placement().apply(network));
        Serving serving = new Serving(log, BackendThread.open(opener));
        try {
            serving.load(settings, devices.placement());
            serving.answer(settings, access, port);
            return serving;
        } catch (RuntimeException | IOException | Error e) {
            serving.close();
            throw e;
        }
    }

    /** Of any checkpoint, since those of a training have the same; without the tensors, which are read when it is loaded. */
    private static Network network(Path run) {
        for (Path file : ServedModel.files(run).reversed()) {
            try {
                return CheckpointFile.describe(file).network();
            } catch (TrainingException | SafetensorsException damaged) {
                // told when the tensors are read
            }
        }
        return Checkpoint.readTrained(run, false, sentence -> {}).network();
    }

    private void load(Settings settings, Function<Network, Placement> placement) {
        settings.runs().forEach((name, run) -> {
            ServedModel model = new ServedModel(name, run, new ServedModel.Choice(settings.best(), settings.versions()),
                    (version, checkpoint) -> version(name, version, checkpoint, settings, placement.apply(checkpoint.network())));
            models.put(name, model);
            model.refresh(sentence -> log.warn(name, sentence));
        });
    }

    private ModelVersion version(String model, String version, Checkpoint checkpoint, Settings settings, Placement placement) {
        try {
            SharedClassifier classifier = SharedClassifier.create(devices, checkpoint, placement, settings.gathered(),
                    (images, waited, took) -> metrics.computed(model, images, waited, took));
            return new ModelVersion(version, classifier, Explainer.create(devices, checkpoint, placement));
        } catch (TrainingException e) {
            throw new TrainingException("version " + version + " of the model " + model + ": " + e.getMessage());
        }
    }

    private void answer(Settings settings, Access access, int port) throws IOException {
        ServiceLimits limits = new ServiceLimits(settings.body(), settings.pixels(), settings.gathered().waiting(),
                Runtime.getRuntime().maxMemory() / 2);
        server = WebServer.start(access, port, new Service(models, limits, Version.number()).routes(metrics), answer -> {
            metrics.answered(answer);
            log.answered(answer);
        });
        if (!settings.reload().isZero()) {
            long period = settings.reload().toMillis();
            ScheduledFuture<?> _ = reloading.scheduleWithFixedDelay(() -> models.values().forEach(this::reload), period, period,
                    TimeUnit.MILLISECONDS);
        }
        List<String> names = models.values().stream().map(model -> model.name() + " (version " + String.join(", ",
                model.versions().stream().map(ModelVersion::version).toList()) + ")").toList();
        log.serving(address().toString(), access.page(address()), names, devices.call(Backend::description));
    }

    /** Whatever is wrong with the new one, the old one is served on. */
    private void reload(ServedModel model) {
        try {
            model.refresh(sentence -> log.warn(model.name(), sentence)).forEach(version -> {
                metrics.reloaded(model.name(), true);
                log.loaded(model, version);
            });
        } catch (RuntimeException | OutOfMemoryError e) {
            metrics.reloaded(model.name(), false);
            log.warn(model.name(), "what is new is not served, what was there is: " + e.getMessage());
        }
    }

    /** {@return where it is found} */
    public URI address() {
        return server.address();
    }

    /** Answers what was accepted, then gives everything back. */
    @Override
    public void close() throws IOException {
        reloading.shutdownNow();
        try {
            if (server != null) {
                server.close();
            }
        } finally {
            models.values().forEach(ServedModel::close);
            devices.close();
            log.close();
        }
    }
}
