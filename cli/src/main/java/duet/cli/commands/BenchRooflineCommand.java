package duet.cli.commands;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;

import duet.cli.bench.BenchFile;
import duet.cli.bench.Roofline;
import duet.cli.output.ExitCode;
import duet.cli.output.Output;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "roofline",
        description = "Draws measured kernels under the roofs of their machine: GFLOP/s against FLOP for each byte of memory, both "
                + "logarithmic.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet bench roofline kernels.json -o roofline.png",
                "  ./duet bench roofline bench/baselines/MACHINE.json -o roofline.png --json"
        })
final class BenchRooflineCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "RESULT", description = "What duet.bench.KernelReport has written; see bench/README.md.")
    private Path result;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", required = true, description = "The PNG file to write.")
    private Path file;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        BenchFile measured = BenchFile.read(result);
        List<Roofline.Kernel> kernels = Roofline.kernels(measured);
        Roofline.draw(file, measured, kernels);
        if (output.json()) {
            kernels.forEach(output::object);
        }
        output.say("picture " + file + " of " + Text.count(kernels.size(), "kernel"));
        return ExitCode.DONE;
    }
}
