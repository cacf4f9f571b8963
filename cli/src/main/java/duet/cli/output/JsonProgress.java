package duet.cli.output;

import duet.train.output.Metrics;
import duet.train.schedule.RateChange;

/** The lines of metrics.jsonl, as they are written. */
final class JsonProgress extends Progress {
    JsonProgress(Output output, int batch, int classes) {
        super(output, batch, classes);
    }

    @Override
    public void step(Metrics metrics) {
        super.step(metrics);
        output.object(metrics);
    }

    @Override
    public void rateChanged(RateChange change) {
        output.object(change);
    }

    @Override
    public void validated(Metrics metrics) {
        output.object(metrics);
    }
}
