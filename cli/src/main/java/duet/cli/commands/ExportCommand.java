package duet.cli.commands;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.BestOption;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.text.Text;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange;
import duet.use.ModelExchange.Format;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "export",
        customSynopsis = "duet export [OPTIONS] RUN FILE",
        description = {
                "Writes a trained network for other programs: ONNX (FILE.onnx) or its weights alone (FILE.safetensors).",
                "The ONNX graph takes pixels, N x channels x height x width, levels of 0 to 255 with red first, and gives probabilities: "
                        + "mean, scale and softmax are inside."},
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet export runs/long alexnet.onnx",
                "  ./duet export runs/long weights.safetensors"
        })
public final class ExportCommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    @Option(names = "--checkpoint", paramLabel = "PATH", description = "In place of RUN.")
    private Path checkpoint;

    @Parameters(index = "0..*", arity = "0..*", paramLabel = "RUN FILE", hideParamSyntax = true,
            description = "A training's output folder or one checkpoint file; and what to write, whose ending is the format: .onnx or "
                    + ".safetensors.")
    private List<Path> paths = List.of();

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        if (paths.size() != (checkpoint == null ? 2 : 1)) {
            throw new ParameterException(spec.commandLine(),
                    "name a training's output folder or a checkpoint, and the file to write: ./duet export RUN FILE");
        }
        Path file = paths.getLast();
        Format format = format(file);
        Checkpoint trained = best.read(checkpoint == null ? paths.getFirst() : checkpoint, output);
        ModelExchange.export(trained, format, file);
        if (output.json()) {
            output.object(Map.of("file", file.toString(), "format", format.name().toLowerCase(Locale.ROOT), "network",
                    trained.network().name()));
        } else {
            output.result("%s: %s for %s of %s".formatted(file, trained.network().name(),
                    Text.count(trained.network().classes()) + " classes",
                    trained.network().input()));
        }
        return ExitCode.DONE;
    }

    private static Format format(Path file) {
        String name = file.getFileName() == null ? "" : file.getFileName().toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".onnx")) {
            return Format.ONNX;
        } else if (name.endsWith(".safetensors")) {
            return Format.SAFETENSORS;
        }
        throw CommandFailure.usage("'" + file + "' must end in .onnx or .safetensors, which is the format that is written");
    }
}
