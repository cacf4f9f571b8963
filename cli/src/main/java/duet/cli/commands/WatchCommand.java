package duet.cli.commands;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;

import duet.cli.options.ListenOptions;
import duet.cli.options.Numbers;
import duet.cli.output.CommandFailure;
import duet.cli.output.Interruption;
import duet.cli.output.Output;
import duet.cli.watch.Watch;
import duet.cli.web.Access;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "watch",
        description = "Shows trainings in a browser, also while they go on: curves, several runs in one chart, filters, confusions, the "
                + "plan. Ctrl-C ends it.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet watch",
                "  ./duet watch runs/one runs/two --port 0",
                "  ./duet watch --host 0.0.0.0 --token secret"
        })
public final class WatchCommand implements Callable<Integer> {
    private static final String FOLDER = "runs";

    @Parameters(arity = "0..*", paramLabel = "RUNS",
            description = "Trainings' output folders, or folders that hold some; new ones appear by themselves (default: " + FOLDER + ").")
    private List<Path> runs = List.of(Path.of(FOLDER));

    @Mixin
    private ListenOptions listen;

    @Option(names = "--port", paramLabel = "N", defaultValue = "6060", converter = Numbers.Port.class,
            description = "Port to listen on; 0 takes any that is free (default: ${DEFAULT-VALUE}).")
    private int port;

    @Mixin
    private Output output;

    @Override
    public Integer call() throws InterruptedException, IOException {
        for (Path folder : runs) {
            if (Files.exists(folder) && !Files.isDirectory(folder)) {
                throw CommandFailure.usage(folder + " is not a folder; name a training's output folder, or one that holds some");
            }
        }
        CountDownLatch end = new CountDownLatch(1);
        Access access = listen.access();
        try (Interruption interruption = new Interruption(output, "ending", end::countDown); Watch watch = start(access)) {
            introduce(access, watch);
            end.await();
            return interruption.exitCode();
        }
    }

    private Watch start(Access access) {
        try {
            return Watch.start(access, port, runs, output::warn);
        } catch (IOException e) {
            throw new CommandFailure(e.getMessage());
        }
    }

    private void introduce(Access access, Watch watch) {
        String address = access.page(watch.address());
        for (Path folder : runs) {
            if (!Files.isDirectory(folder)) {
                output.say("waiting    " + folder + " does not exist yet; it is shown as soon as it does");
            }
        }
        output.say("runs       " + Text.count(watch.count(), "training"));
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("address", address);
            output.object(object);
        } else {
            output.result("address    " + address
                    + (access.everywhere() ? " (elsewhere with this machine's name in place of localhost)" : ""));
        }
        output.say("Ctrl-C ends it.");
    }
}
