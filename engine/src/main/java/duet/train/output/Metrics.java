package duet.train.output;

/**
 * One line of metrics.jsonl.
 *
 * @param event           {@code train} or {@code validation}
 * @param step            steps done, so that the first training line has step 1
 * @param epoch           passes over the data done, with a fraction
 * @param loss            mean cross-entropy in nats
 * @param top1            share of images whose label has the largest probability
 * @param top5            share of images whose label is among the five largest
 * @param learningRate    of the step's weights, or of the last step
 * @param imagesPerSecond in this step, or in the whole validation
 */
public record Metrics(
        String event, long step, double epoch, double loss, double top1, double top5, double learningRate, double imagesPerSecond) {}
