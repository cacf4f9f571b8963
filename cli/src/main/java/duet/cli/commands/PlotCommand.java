package duet.cli.commands;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;

import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.pictures.Comparison;
import duet.text.Text;
import duet.train.output.Metrics;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "plot",
        description = "Draws the courses of several trainings in one picture: loss and top-1 error, training and validation. They may "
                + "still go on.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet plot runs/one runs/two -o both.png",
                "  ./duet plot runs/* --against step -o all.png --json"
        })
public final class PlotCommand implements Callable<Integer> {
    @Parameters(arity = "1..*", paramLabel = "RUN", description = "Trainings' output folders.")
    private List<Path> runs;

    @Option(names = "--against", paramLabel = "AXIS", defaultValue = "epoch",
            description = "'epoch' or 'step' (default: ${DEFAULT-VALUE}).")
    private String against;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true, description = "The PNG file to write.")
    private Path file;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Comparison.Axis axis = switch (against) {
            case "epoch" -> Comparison.Axis.EPOCH;
            case "step" -> Comparison.Axis.STEP;
            default -> throw CommandFailure.usage("--against '" + against + "' is neither epoch nor step");
        };
        requireDifferent();
        List<Comparison.Run> read = new ArrayList<>();
        for (Path run : runs) {
            read.add(Comparison.Run.read(name(run, read), run));
        }
        Comparison.draw(file, read, axis);
        read.forEach(this::print);
        output.say("picture " + file);
        return ExitCode.DONE;
    }

    /** The folder's name, or all of its path where another run has that. */
    private static String name(Path run, List<Comparison.Run> read) {
        String last = String.valueOf(run.toAbsolutePath().normalize().getFileName());
        List<String> taken = read.stream().map(Comparison.Run::name).toList();
        return taken.contains(last) ? run.toString() : last;
    }

    private void requireDifferent() {
        Set<Path> seen = new HashSet<>();
        for (Path run : runs) {
            if (!seen.add(run.toAbsolutePath().normalize())) {
                throw CommandFailure.usage(run + " is named twice");
            }
        }
    }

    private void print(Comparison.Run run) {
        Metrics validation = run.lastValidation();
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("run", run.name());
            object.put("validation", validation);
            output.object(object);
        } else {
            output.result(
                    run.name() + ": " + (validation == null ? "no validation yet" : "top-1 error " + Text.percent(1 - validation.top1())
                            + ", loss " + Text.loss(validation.loss()) + " at step " + Text.count(validation.step())));
        }
    }
}
