package duet.pictures;

import java.awt.Color;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

import duet.pictures.Charts.Curve;
import duet.train.output.History;
import duet.train.output.Metrics;
import org.knowm.xchart.XYChart;

/**
 * The course of a training as a picture: loss on the left, top-1 accuracy on the right, training and validation in each. The training,
 * which is noisy because each step sees images of its own, also smoothed.
 */
final class Curves {
    private static final int POINTS = 300;
    private static final Curve TRAINING = Curve.line("training", new Color(0x9EC5E8), 1.2f);
    private static final Curve SMOOTHED = Curve.line("training, smoothed", new Color(0x1F5F9E), 2);
    private static final Curve VALIDATION = Curve.line("validation", new Color(0xC4452D), 2).dotted();

    private Curves() {}

    static Canvas draw(History history, String network) {
        XYChart loss = Charts.chart(network + ": loss", "epochs", "cross-entropy, nats");
        XYChart accuracy = Charts.chart(network + ": accuracy", "epochs", "top-1, %");
        add(loss, history, History.Point::loss, Metrics::loss);
        add(accuracy, history, point -> 100 * point.top1(), metrics -> 100 * metrics.top1());
        loss.getStyler().setYAxisMin(0.0);
        List<Curve> legend = new ArrayList<>(List.of(TRAINING));
        if (history.training(POINTS).size() >= Smoothing.LEAST) {
            legend.add(SMOOTHED);
        }
        legend.add(VALIDATION);
        return Charts.beside(List.of(loss, accuracy), legend);
    }

    private static void add(XYChart chart, History history, ToDoubleFunction<History.Point> training,
            ToDoubleFunction<Metrics> validation) {
        List<History.Point> points = history.training(POINTS);
        double[] x = points.stream().mapToDouble(History.Point::epoch).toArray();
        double[] y = points.stream().mapToDouble(training).toArray();
        Charts.add(chart, TRAINING, x, y);
        if (points.size() >= Smoothing.LEAST) {
            Charts.add(chart, SMOOTHED, x, Smoothing.of(x, y));
        }
        Charts.add(chart, VALIDATION, history.validations(), Metrics::epoch, validation);
    }
}
