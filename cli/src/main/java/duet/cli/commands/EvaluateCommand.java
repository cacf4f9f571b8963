package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.BestOption;
import duet.cli.options.DeviceOptions;
import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.options.TrainedOptions;
import duet.cli.options.TrainingArguments;
import duet.cli.output.CommandFailure;
import duet.cli.output.DamageCount;
import duet.cli.output.EvaluationReport;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.cli.output.Processes;
import duet.cli.output.WorkProgress;
import duet.data.DamageReport;
import duet.data.Dataset;
import duet.data.Views;
import duet.data.source.Datasets;
import duet.data.source.Part;
import duet.device.Backend;
import duet.pictures.EvaluationPictures;
import duet.plan.Placement;
import duet.train.DataFit;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Ensemble;
import duet.use.Evaluation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "evaluate",
        description = "Measures loss, top-1 and top-5 accuracy of a trained network, or of the mean of several, over the validation "
                + "images; shows which classes it confuses. Other data may have some of the classes, in any order: they are found by name.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet evaluate runs/long",
                "  ./duet evaluate runs/long --views 10 --pictures report",
                "  ./duet evaluate runs/one runs/two runs/three",
                "  ./duet evaluate runs/long --data folder:tested",
                "  ./duet evaluate runs/long/checkpoint-00006563.safetensors --data folder:pictures --json > report.json"
        })
public final class EvaluateCommand implements Callable<Integer> {
    @Parameters(arity = "0..*", paramLabel = "RUN",
            description = "A training's output folder or one checkpoint file. Of several the probabilities are averaged.")
    private List<Path> runs = new ArrayList<>();

    @Option(names = "--checkpoint", paramLabel = "PATH", description = "The same as RUN.")
    private Path checkpoint;

    @Option(names = "--data", paramLabel = "SOURCE", description = "As for train (default: what the network was trained with).")
    private String data;

    @Option(names = "--part", paramLabel = "PART", converter = TrainedOptions.Parts.class,
            description = "'validation', 'training' or 'all' images (default: validation; all of a folder that the network has not "
                    + "learned from and that has no such part).")
    private Part part;

    @Option(names = "--views", paramLabel = "N", defaultValue = "1", converter = Numbers.ViewCount.class,
            description = "1: the centre of each image; 10: the four corners and the centre, each also mirrored, probabilities averaged, "
                    + "as in the paper; mirrored only if the network was trained with mirrored images (default: ${DEFAULT-VALUE}).")
    private Views views;

    @Option(names = "--pictures", paramLabel = "DIR",
            description = "Draw the confusion matrix and the most confident mistakes as PNG files in this folder.")
    private Path pictures;

    @Option(names = "--worst", paramLabel = "N", defaultValue = "40", converter = Numbers.Count.class,
            description = "How many of the most confident mistakes are shown (default: ${DEFAULT-VALUE}).")
    private int worst;

    @Option(names = "--batch", paramLabel = "N", defaultValue = "128", converter = Numbers.PositiveInteger.class,
            description = "Images that go through at once (default: ${DEFAULT-VALUE}).")
    private int batch;

    @Option(names = "--strict", description = "Stop at the first damaged file instead of skipping it.")
    private boolean strict;

    @Mixin
    private DeviceOptions devices;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        List<Ensemble.Member> trained = members();
        Placement placement = devices.placement(trained.getFirst().checkpoint().network(), Placement.ONE_DEVICE);
        trained.forEach(member -> Source.checkPlacement(member.checkpoint().network(), placement));
        DamageCount damage = new DamageCount(output);
        List<Dataset> images = new ArrayList<>();
        try {
            long seed = Source.seed(trained.getFirst().checkpoint());
            if (trained.stream().anyMatch(member -> Source.seed(member.checkpoint()) != seed)) {
                output.warn(
                        "the networks were trained with different seeds; where the data have no validation part of their own, all are "
                                + "asked about the share that " + trained.getFirst().name()
                                + " did not see, and others may have learned from it");
            }
            List<Ensemble.Member> members = new ArrayList<>();
            for (Ensemble.Member member : trained) {
                // files that are damaged for the first network are so for all: they are named once
                Dataset seen = open(member, seed, strict ? DamageReport.STRICT : images.isEmpty() ? damage : (file, reason) -> {});
                images.add(seen);
                members.add(new Ensemble.Member(member.name(), member.checkpoint().storedAs(seen.stored())));
            }
            evaluate(members, images, placement);
        } finally {
            images.forEach(Dataset::close);
        }
        damage.summarize();
        return ExitCode.DONE;
    }

    private void evaluate(List<Ensemble.Member> members, List<Dataset> images, Placement placement) {
        try (Backend backend = devices.open(placement); Ensemble ensemble = Ensemble.create(members, placement, backend, batch)) {
            introduce(members, backend, images.getFirst());
            Evaluation evaluation = evaluate(ensemble, images);
            EvaluationReport report = new EvaluationReport(output, evaluation);
            int most = members.stream().mapToInt(member -> member.checkpoint().views(views).size()).max().orElse(1);
            report.print(members.stream().map(Ensemble.Member::name).toList(), most);
            if (pictures != null && Processes.first()) {
                EvaluationPictures.write(evaluation, images.getFirst(), pictures).forEach(file -> output.say("picture  " + file));
            }
        }
    }

    private List<Ensemble.Member> members() {
        List<Path> paths = new ArrayList<>(runs);
        if (checkpoint != null) {
            paths.addFirst(checkpoint);
        }
        if (paths.isEmpty()) {
            throw CommandFailure.usage("name a training's output folder or a checkpoint: ./duet evaluate RUN");
        }
        return paths.stream().map(path -> new Ensemble.Member(path.toString(), best.read(path, output))).toList();
    }

    /** @param seed the same for all, so that they see the same images */
    private Dataset open(Ensemble.Member member, long seed, DamageReport report) {
        Checkpoint trained = member.checkpoint();
        String source = Source.trainedWith(trained, member.name(), data);
        Source.checkChannels(trained.network(), source, Datasets.describeLook(source));
        Part chosen = part == null && Source.learnedFrom(trained, source) ? Part.VALIDATION : part;
        Dataset opened = Datasets.look(source, chosen, trained.network().input(), trained.stored(), seed, report);
        try {
            return DataFit.labelled(trained.classNames(), opened);
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    private void introduce(List<Ensemble.Member> members, Backend backend, Dataset images) {
        output.say("devices  " + devices.describe(backend));
        output.say("data     " + images.description());
        if (views == Views.TEN) {
            Map<String, List<String>> same = new LinkedHashMap<>();
            members.forEach(member -> same.computeIfAbsent(views(member.checkpoint()), words -> new ArrayList<>()).add(member.name()));
            same.forEach((words, names) -> output.say("views    " + words + (same.size() > 1 ? ": " + String.join(", ", names) : "")));
        }
    }

    private static String views(Checkpoint trained) {
        List<int[]> crops = trained.views(Views.TEN);
        boolean room = !trained.stored().equals(trained.network().input());
        boolean mirrored = crops.stream().anyMatch(crop -> crop[2] == 1);
        return crops.size() + ", " + (room ? "corners and centre" : "the image itself, which is as large as the network's input")
                + (mirrored ? ", also mirrored" : "; none mirrored, as in training");
    }

    private Evaluation evaluate(Ensemble ensemble, List<Dataset> images) {
        try (WorkProgress progress = new WorkProgress(output, "evaluating", "image")) {
            return ensemble.evaluate(images, views, worst, TrainingArguments.loaderThreads(), new TrainingListener() {
                @Override
                public void validating(long done, long total) {
                    progress.at(done, total);
                }
            });
        }
    }
}
