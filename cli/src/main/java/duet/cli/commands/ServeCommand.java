package duet.cli.commands;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

import duet.cli.options.BestOption;
import duet.cli.options.DeviceOptions;
import duet.cli.options.ListenOptions;
import duet.cli.options.Numbers;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Interruption;
import duet.cli.output.Output;
import duet.cli.serve.Serving;
import duet.cli.web.Access;
import duet.plan.Placement;
import duet.use.SharedClassifier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "serve",
        customSynopsis = "duet serve [OPTIONS] [NAME=]RUN...",
        description = "Answers other programs, and people with a browser: trained networks as a service, in the Open Inference "
                + "Protocol and for image files.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet serve runs/long",
                "  curl --data-binary @shoe.png http://localhost:8080/predict",
                "  ./duet serve --host 0.0.0.0 --token secret shoes=runs/long digits=runs/mnist"
        })
public final class ServeCommand implements Callable<Integer> {
    private static final int MEBIBYTE = 1 << 20;
    private static final int MILLION = 1_000_000;
    private static final int MOST_BODY = 1024;
    private static final int MOST_MEGAPIXELS = 100;

    @Parameters(arity = "1..*", paramLabel = "RUN...", hideParamSyntax = true,
            description = "Trainings' output folders, or checkpoint files. Each is a model, named like its folder or NAME; its version is "
                    + "the number of steps that it was trained.")
    private List<String> runs;

    @Mixin
    private ListenOptions listen;

    @Option(names = "--port", paramLabel = "N", defaultValue = "8080", converter = Numbers.Port.class,
            description = "Port to listen on; 0 takes any that is free (default: ${DEFAULT-VALUE}).")
    private int port;

    @Mixin
    private BestOption best;

    @Option(names = "--versions", paramLabel = "N", defaultValue = "1", converter = Numbers.PositiveInteger.class,
            description = "Serve the N newest checkpoints of a folder (default: ${DEFAULT-VALUE}).")
    private int versions;

    @Option(names = "--reload", paramLabel = "SECONDS", defaultValue = "2",
            description = "How often newer checkpoints are looked for, to be served without a pause; 0: never (default: "
                    + "${DEFAULT-VALUE}).")
    private int reload;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "16", converter = Numbers.PositiveInteger.class,
            description = "Images that go through the network together, at most (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--delay", paramLabel = "MS", defaultValue = "2",
            description = "Milliseconds that an image waits for others to come while the devices have nothing to do (default: "
                    + "${DEFAULT-VALUE}).")
    private int delay;

    @Option(names = "--waiting", paramLabel = "N", defaultValue = "256", converter = Numbers.PositiveInteger.class,
            description = "Images that wait, at most; further clients are told to come again, with status 429 (default: "
                    + "${DEFAULT-VALUE}).")
    private int waiting;

    @Option(names = "--body", paramLabel = "MIB", defaultValue = "32", converter = Numbers.PositiveInteger.class,
            description = "MiB that a request may have, at most (default: ${DEFAULT-VALUE}).")
    private int body;

    @Option(names = "--pixels", paramLabel = "MILLIONS", defaultValue = "50", converter = Numbers.PositiveInteger.class,
            description = "Millions of pixels that an image file may have, at most (default: ${DEFAULT-VALUE}).")
    private int pixels;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private Output output;

    @Override
    public Integer call() throws IOException, InterruptedException {
        CountDownLatch end = new CountDownLatch(1);
        Serving.Devices where = new Serving.Devices(devices::open, network -> devices.placement(network, Placement.ONE_DEVICE));
        Serving.Settings settings = settings();
        Access access = listen.access();
        try (Interruption _ = new Interruption(output, "answering what was accepted", end::countDown);
                Serving _ = Serving.start(settings, where, access, port, output)) {
            end.await();
        }
        return ExitCode.DONE;
    }

    private Serving.Settings settings() {
        require(reload >= 0, "--reload must not be negative: " + reload);
        require(delay >= 0, "--delay must not be negative: " + delay);
        require(waiting >= batch,
                "--waiting " + waiting + " is less than --batch " + batch + ", so no batch would ever be full");
        require(body <= MOST_BODY, "--body can be at most " + MOST_BODY + " MiB, not " + body);
        require(pixels <= MOST_MEGAPIXELS, "--pixels can be at most " + MOST_MEGAPIXELS + " million, not " + pixels);
        SharedClassifier.Limits gathered = new SharedClassifier.Limits(batch, waiting, Duration.ofMillis(delay));
        return new Serving.Settings(named(), best.best(), versions, Duration.ofSeconds(reload), gathered, body * MEBIBYTE,
                (long) pixels * MILLION);
    }

    private Map<String, Path> named() {
        Map<String, Path> named = new LinkedHashMap<>();
        for (String argument : runs) {
            int equals = argument.indexOf('=');
            boolean name = equals > 0 && !Files.exists(Path.of(argument));
            Path run = Path.of(name ? argument.substring(equals + 1) : argument);
            String model = name ? argument.substring(0, equals) : usualName(run);
            require(model.matches("[A-Za-z0-9._-]{1,100}"), "'" + model + "' cannot name a model: letters, digits, "
                    + "'.', '_' and '-' can; give it another name: NAME=" + run);
            require(named.put(model, run) == null,
                    "two models are named " + model + "; give one another name: NAME=" + run);
        }
        return named;
    }

    private static void require(boolean fine, String otherwise) {
        if (!fine) {
            throw CommandFailure.usage(otherwise);
        }
    }

    /** Of the training's folder. */
    private static String usualName(Path run) {
        Path whole = run.toAbsolutePath().normalize();
        Path folder = Files.isDirectory(whole) || whole.getParent() == null ? whole : whole.getParent();
        return folder.getFileName() == null ? "model" : folder.getFileName().toString();
    }
}
