package duet.train;

import java.util.function.BooleanSupplier;

import duet.data.Batch;
import duet.data.BatchLoader;
import duet.data.Dataset;
import duet.net.Shape;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;

/** Runs a whole data set through a session. */
public record Evaluator(Session session, Shape input, int batch, int threads) {

    /**
     * @param images    that could be read
     * @param notFinite the first layer that gave a NaN or an infinity, else null; then the other results mean nothing
     */
    public record Result(String notFinite, long images, double loss, double top1, double top5, double imagesPerSecond) {
        /** As a line for metrics.jsonl. */
        public Metrics metrics(long step, double epoch, double learningRate) {
            return new Metrics("validation", step, epoch, loss, top1, top5, learningRate, imagesPerSecond);
        }
    }

    /**
     * @param cancelled asked before each batch
     * @return null if it was cancelled
     */
    public Result evaluate(Dataset data, TrainingListener listener, BooleanSupplier cancelled) {
        long start = System.nanoTime();
        long images = 0;
        long top1 = 0;
        long top5 = 0;
        double loss = 0;
        try (BatchLoader loader = BatchLoader.evaluation(data, input, batch, threads)) {
            for (Batch next = loader.next(); next != null; next = loader.next()) {
                if (cancelled.getAsBoolean()) {
                    return null;
                }
                LoadedPlan results = session.evaluate(next);
                String layer = results.notFinite();
                if (layer != null) {
                    return new Result(layer, 0, 0, 0, 0, 0);
                }
                images += results.present();
                loss += results.lossSum();
                top1 += results.top1();
                top5 += results.top5();
                listener.validating(Math.min(data.size(), (next.number() + 1) * batch), data.size());
            }
        }
        if (images == 0) {
            throw new TrainingException(data.description() + ": not one image could be read");
        }
        double seconds = Math.max(1, System.nanoTime() - start) * 1e-9;
        return new Result(null, images, loss / images, (double) top1 / images, (double) top5 / images, images / seconds);
    }
}
