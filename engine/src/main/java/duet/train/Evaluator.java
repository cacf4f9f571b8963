package duet.train;

import java.util.function.BooleanSupplier;

import duet.data.Batch;
import duet.data.BatchLoader;
import duet.data.Dataset;
import duet.net.Shape;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;

/**
 * Runs a whole data set through a session.
 *
 * @param session the network on its devices
 * @param input   of the network
 * @param batch   images of a run, as the session has it
 * @param threads that read and decode images
 */
public record Evaluator(Session session, Shape input, int batch, int threads) {

    /**
     * What an evaluation has found.
     *
     * @param notFinite       the first layer that gave a NaN or an infinity, else null; then the other results mean nothing
     * @param images          that could be read
     * @param loss            mean cross-entropy in nats
     * @param top1            share of images whose label has the largest probability
     * @param top5            share of images whose label is among the five largest
     * @param imagesPerSecond over the whole evaluation
     */
    public record Result(String notFinite, long images, double loss, double top1, double top5, double imagesPerSecond) {
        /**
         * {@return this result as a line for metrics.jsonl}
         *
         * @param step         steps done
         * @param epoch        passes over the data done
         * @param learningRate of the last step
         */
        public Metrics metrics(long step, double epoch, double learningRate) {
            return new Metrics("validation", step, epoch, loss, top1, top5, learningRate, imagesPerSecond);
        }
    }

    /**
     * Evaluates a data set.
     *
     * @param data      images and labels
     * @param listener  told how far it is, and what the network answers
     * @param cancelled asked before each batch
     * @return null if it was cancelled
     */
    public Result evaluate(Dataset data, TrainingListener listener, BooleanSupplier cancelled) {
        long start = System.nanoTime();
        long images = 0;
        long top1 = 0;
        long top5 = 0;
        double loss = 0;
        try (BatchLoader loader = BatchLoader.evaluation(data, input, batch, threads, session.places())) {
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
                listener.answered(session.labels(next), results::probabilities);
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
