package duet.cli.commands;

import java.nio.file.Path;
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
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "export",
        description = {
                "Writes a trained network for other programs: ONNX (FILE.onnx) or its weights alone (FILE.safetensors).",
                "The ONNX graph takes pixels, N x channels x height x width, levels of 0 to 255 with red first, and gives probabilities: "
                        + "mean, scale and softmax are inside."},
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet export --checkpoint runs/long alexnet.onnx",
                "  ./duet export --checkpoint runs/long weights.safetensors"
        })
public final class ExportCommand implements Callable<Integer> {
    @Option(names = "--checkpoint", paramLabel = "PATH", required = true,
            description = "A training's output folder or one checkpoint file.")
    private Path path;

    @Parameters(index = "0", paramLabel = "FILE", description = "What to write; its ending is the format: .onnx or .safetensors.")
    private Path file;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        Format format = format();
        Checkpoint checkpoint = best.read(path, output);
        ModelExchange.export(checkpoint, format, file);
        if (output.json()) {
            output.object(Map.of("file", file.toString(), "format", format.name().toLowerCase(Locale.ROOT), "network",
                    checkpoint.network().name()));
        } else {
            output.result("%s: %s for %s of %s".formatted(file, checkpoint.network().name(),
                    Text.count(checkpoint.network().classes()) + " classes",
                    checkpoint.network().input()));
        }
        return ExitCode.DONE;
    }

    private Format format() {
        String name = file.getFileName() == null ? "" : file.getFileName().toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".onnx")) {
            return Format.ONNX;
        } else if (name.endsWith(".safetensors")) {
            return Format.SAFETENSORS;
        }
        throw CommandFailure.usage("'" + file + "' must end in .onnx or .safetensors, which is the format that is written");
    }
}
