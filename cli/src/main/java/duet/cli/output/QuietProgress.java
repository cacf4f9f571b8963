package duet.cli.output;

/** Shows warnings only. */
final class QuietProgress extends Progress {
    QuietProgress(Output output, int batch) {
        super(output, batch);
    }
}
