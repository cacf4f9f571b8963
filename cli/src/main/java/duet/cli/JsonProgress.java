package duet.cli;

import duet.train.Metrics;

/** The lines of metrics.jsonl, as they are written. */
final class JsonProgress extends Progress {
    JsonProgress(Output output, int batch) {
        super(output, batch);
    }

    @Override
    public void step(Metrics metrics) {
        super.step(metrics);
        output.object(metrics);
    }

    @Override
    public void validated(Metrics metrics) {
        output.object(metrics);
    }
}
