package duet.cli.output;

/** Shows warnings only. */
final class QuietProgress extends Progress {
    QuietProgress(Output output, int batch, int classes) {
        super(output, batch, classes);
    }
}
