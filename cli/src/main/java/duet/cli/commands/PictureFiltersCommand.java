package duet.cli.commands;

import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.Callable;

import duet.cli.options.BestOption;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.pictures.PictureOf;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "filters",
        description = "Draws the filters of the first convolution (the paper's figure 3), the two towers apart, in colour where images "
                + "have it.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet picture filters runs/long -o conv1.png",
                "  ./duet picture filters runs/long/checkpoint-00006563.safetensors -o conv1.png --json"
        })
final class PictureFiltersCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RUN", description = "A training's output folder or one checkpoint file.")
    private Path run;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true, description = "The PNG file to write.")
    private Path file;

    @Mixin
    private BestOption best;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        PictureOf.filters(file, best.read(run, output));
        if (output.json()) {
            output.object(Map.of("picture", file.toString()));
        } else {
            output.result("picture  " + file);
        }
        return ExitCode.DONE;
    }
}
