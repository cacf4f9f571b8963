package duet.pictures;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.util.List;
import java.util.function.ToDoubleFunction;

import duet.train.output.History;
import duet.train.output.Metrics;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The course of a training as a picture: loss on the left, top-1 accuracy on the right, training and validation in each. */
final class Curves {
    private static final int WIDTH = 620;
    private static final int HEIGHT = 420;
    private static final int POINTS = 300;
    private static final Color TRAINING = new Color(0x9EC5E8);
    private static final Color VALIDATION = new Color(0xC4452D);

    private Curves() {}

    static BufferedImage draw(History history, String network) {
        XYChart loss = chart(network + ": loss", "cross-entropy, nats", Styler.LegendPosition.InsideNE);
        XYChart accuracy = chart(network + ": accuracy", "top-1, %", Styler.LegendPosition.InsideSE);
        List<History.Point> training = history.training(POINTS);
        List<Metrics> validations = history.validations();
        add(loss, "training", TRAINING, training, History.Point::epoch, History.Point::loss);
        add(accuracy, "training", TRAINING, training, History.Point::epoch, point -> 100 * point.top1());
        add(loss, "validation", VALIDATION, validations, Metrics::epoch, Metrics::loss);
        add(accuracy, "validation", VALIDATION, validations, Metrics::epoch, metrics -> 100 * metrics.top1());
        loss.getStyler().setYAxisMin(0.0);
        BufferedImage both = new BufferedImage(2 * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = both.createGraphics();
        graphics.drawImage(BitmapEncoder.getBufferedImage(loss), 0, 0, null);
        graphics.drawImage(BitmapEncoder.getBufferedImage(accuracy), WIDTH, 0, null);
        graphics.dispose();
        return both;
    }

    private static XYChart chart(String title, String y, Styler.LegendPosition legend) {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle("epochs").yAxisTitle(y).build();
        XYStyler style = chart.getStyler();
        style.setLegendPosition(legend).setLegendBorderColor(Color.WHITE).setChartBackgroundColor(Color.WHITE);
        style.setChartTitleBoxVisible(false).setPlotBorderVisible(false);
        style.setPlotGridLinesColor(new Color(0xE6E6E6)).setXAxisMin(0.0);
        return chart;
    }

    private static <T> void add(XYChart chart, String name, Color colour, List<T> points, ToDoubleFunction<T> x, ToDoubleFunction<T> y) {
        if (points.isEmpty()) {
            return;
        }
        XYSeries series = chart.addSeries(
                name, points.stream().mapToDouble(x).toArray(), points.stream().mapToDouble(y).toArray());
        series.setLineColor(colour).setLineStyle(new BasicStroke(2, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        series.setMarkerColor(colour).setMarker(points.getFirst() instanceof Metrics ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
    }
}
