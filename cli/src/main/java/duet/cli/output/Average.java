package duet.cli.output;

import duet.text.Text;
import duet.train.output.Metrics;

/** Mean of what the steps since the last reset reported. */
final class Average {
    private int count;
    private double loss;
    private double top1;
    private double seconds;

    void add(Metrics metrics, int batch) {
        count++;
        loss += metrics.loss();
        top1 += metrics.top1();
        seconds += batch / metrics.imagesPerSecond();
    }

    void reset() {
        count = 0;
        loss = top1 = seconds = 0;
    }

    /** Such as {@code loss 0.4321, top-1 85.16 %, 1,234 images/s}. */
    String text(int batch) {
        return "loss " + Text.loss(loss / count) + ", top-1 " + Text.percent(top1 / count) + ", "
                + Text.rate(count * (double) batch / seconds) + " images/s";
    }

    boolean isEmpty() {
        return count == 0;
    }
}
