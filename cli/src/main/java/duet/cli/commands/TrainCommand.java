package duet.cli.commands;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.AblationOptions;
import duet.cli.options.BestOption;
import duet.cli.options.DeviceOptions;
import duet.cli.options.Source;
import duet.cli.options.TrainingArguments;
import duet.cli.output.CommandFailure;
import duet.cli.output.DamageCount;
import duet.cli.output.Output;
import duet.cli.output.Processes;
import duet.cli.watch.PlanFile;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.files.FileException;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.FineTuning;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingOptions;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "train",
        description = "Trains a network on two devices, or one. Ctrl-C and SIGTERM finish the step and write a checkpoint.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet train",
                "  ./duet train --epochs 56 --lr-policy linear:56 --augment --out runs/long",
                "  ./duet train --resume runs/long",
                "  ./duet train --from runs/long --data folder:pictures --freeze conv1,conv2 --lr 0.002",
                "  ./duet train --net alexnet --data folder:pictures --batch 64 --devices cpu",
                "  ./duet train --no-lrn --out runs/no-lrn",
                "  ./duet train --steps 100 --json | head"
        })
public final class TrainCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--net", paramLabel = "NET", defaultValue = Source.DEFAULT_NETWORK,
            description = "A named network ('./duet networks' lists them) or a JSON file (default: ${DEFAULT-VALUE}).")
    private String net;

    @Option(names = "--data", paramLabel = "SOURCE",
            description = "'fashion-mnist', 'fashion-mnist:DIR', 'mnist:DIR', 'idx:DIR' (any images of that family), 'cifar10:DIR', "
                    + "'cifar100:DIR', 'cifar100-coarse:DIR', 'ilsvrc:DIR' (its archives), 'folder:DIR' (a folder of images for each "
                    + "class), 'shards:DIR' (made by './duet data prepare') or 'synthetic:3x227x227:1000' (default: "
                    + Source.DEFAULT_DATA + ", or synthetic images where they are too small for the network).")
    private String data;

    @Mixin
    private AblationOptions ablations;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private TrainingArguments arguments;

    @Option(names = "--out", paramLabel = "DIR",
            description = "Empty or new folder for metrics, checkpoints and pictures (default: runs/NET-DATE-TIME).")
    private Path out;

    @Option(names = "--tensorboard", negatable = true, defaultValue = "true", fallbackValue = "true",
            description = "Also write an event file for TensorBoard to the output folder: 'tensorboard --logdir runs' (default: yes).")
    private boolean tensorBoard;

    @Option(names = "--resume", paramLabel = "PATH",
            description = "Go on with the training in this output folder, or from this checkpoint file, exactly where it stopped; "
                    + "--precision, --convolutions and the parts of --placement data, hybrid and so on are as before unless given.")
    private Path resume;

    @Option(names = "--from", paramLabel = "PATH",
            description = "Begin with the weights of this trained network wherever names and sizes fit; the last layer starts afresh "
                    + "unless the classes are the same. Without --net the network is the trained one with as many classes as the data "
                    + "have.")
    private Path from;

    @Option(names = "--strict", description = "Stop at the first damaged file instead of skipping it.")
    private boolean strict;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        DamageCount damage = new DamageCount(output);
        DamageReport report = strict ? DamageReport.STRICT : damage;
        int code = resume == null ? begin(report) : goOn(report);
        damage.summarize();
        return code;
    }

    private int begin(DamageReport damage) {
        if (from != null) {
            return fineTune(damage);
        }
        String source = data == null ? Source.defaultData(net) : data;
        if (data == null && !source.equals(Source.DEFAULT_DATA)) {
            output.warn("without --data " + net + " is trained on made-up images (" + source + "), to see how it runs; "
                    + "--data folder:DIR trains it on yours");
        }
        Datasets.Description description = Source.describe(source);
        Network network = ablations.apply(Source.network(net, description.channels(), description.classes()));
        return train(network, source, null, damage);
    }

    private int fineTune(DamageReport damage) {
        Checkpoint trained = best.read(from, output);
        String source = Source.trainedWith(trained, from.toString(), data);
        Datasets.Description description = Source.describe(source);
        boolean named = spec.commandLine().getParseResult().hasMatchedOption("--net");
        Network network = ablations.apply(named ? Source.network(net, description.channels(), description.classes())
                : FineTuning.network(trained.network(), description.classes()));
        return train(network, source, trained, damage);
    }

    /** @param trained where the weights come from, or null */
    private int train(Network network, String source, Checkpoint trained, DamageReport damage) {
        Source.checkFit(network, source, Source.describe(source));
        Placement placement = devices.placement(network);
        Source.checkFrozen(network, arguments.frozen());
        Path folder = !Processes.first() ? null : out == null ? newFolder(network.name()) : out;
        TrainingOptions options = arguments.forNewTraining(network.name(), folder);
        Source.checkBatch(placement, options.batch());
        try (Split images = Datasets.open(source, network.input(), options.seed(), damage);
                Backend backend = devices.open(placement);
                Trainer trainer = Trainer.create(network, placement, backend, images, source,
                        arguments.forNewTraining(network.name(), folder, images.training().size()), trained)) {
            if (trained != null) {
                FineTuning tuning = FineTuning.of(trained, network, images.training().classNames());
                output.say("from       " + from + ": " + String.join(", ", tuning.taken()) + "; new: "
                        + (tuning.fresh().isEmpty() ? "nothing" : String.join(", ", tuning.fresh())));
            }
            if (!options.frozen().isEmpty()) {
                output.say("frozen     " + String.join(", ", options.frozen()));
            }
            return run(trainer, backend, placement, images, source);
        }
    }

    private int goOn(DamageReport damage) {
        TrainingArguments.checkResumable(spec.commandLine().getParseResult());
        Checkpoint checkpoint = Checkpoint.read(resume, output::warn);
        if (checkpoint.state() == null) {
            throw new CommandFailure(resume + " holds a model without the state of a training, so there is nothing to resume");
        }
        String source = data == null ? checkpoint.state().data() : data;
        Network network = checkpoint.network();
        Placement placement = devices.placement(network, checkpoint.state().parts());
        Source.checkFit(network, source, Source.describe(source));
        Path folder = !Processes.first() ? null : Files.isDirectory(resume) ? resume : resume.toAbsolutePath().getParent();
        TrainingOptions options = arguments.forResumed(checkpoint.state().options(), folder);
        Source.checkBatch(placement, options.batch());
        try (Split images = Datasets.open(source, network.input(), checkpoint.stored(), options.seed(), damage);
                Backend backend = devices.open(placement, checkpoint.state().arithmetic());
                Trainer trainer = Trainer.resume(checkpoint, placement, backend, images, options)) {
            return run(trainer, backend, placement, images, source);
        }
    }

    private int run(Trainer trainer, Backend backend, Placement placement, Split images, String source) {
        Map<String, String> setting = null;
        if (tensorBoard) {
            setting = new LinkedHashMap<>();
            setting.put("data", source);
            setting.put("placement", placement.words());
            setting.put("precision", backend.arithmetic().toString());
        }
        writePlan(trainer, backend, placement, images);
        return new TrainingConsole(output, trainer.network(), trainer.options(), setting).run(trainer, devices.describe(backend), placement,
                images);
    }

    /** For those who look on. It is worth no training. */
    private void writePlan(Trainer trainer, Backend backend, Placement placement, Split images) {
        Path folder = trainer.options().output();
        if (folder == null) {
            return; // another process writes
        }
        try {
            PlanFile.write(folder, trainer.network(), placement, trainer.options(), images.training().stored(), backend);
        } catch (FileException e) {
            output.warn("warning: " + e.getMessage());
        }
    }

    private static Path newFolder(String network) {
        String name = network.replaceAll("[^A-Za-z0-9._-]", "-") + "-"
                + LocalDateTime.now(ZoneId.systemDefault()).format(DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss", Locale.ROOT));
        Path folder = Path.of("runs", name);
        for (int i = 2; Files.exists(folder); i++) {
            folder = Path.of("runs", name + "-" + i);
        }
        return folder;
    }
}
