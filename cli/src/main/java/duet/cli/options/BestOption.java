package duet.cli.options;

import java.nio.file.Path;

import duet.cli.output.Output;
import duet.train.output.Checkpoint;
import picocli.CommandLine.Option;

/** Which checkpoint an output folder stands for. */
public final class BestOption {
    @Option(names = "--best",
            description = "Of an output folder the checkpoint of the best validation (the lowest top-1 error), not the last one.")
    private boolean best;

    public boolean best() {
        return best;
    }

    public Checkpoint read(Path run, Output output) {
        return Checkpoint.readTrained(run, best, output::warn);
    }
}
