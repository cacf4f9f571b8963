package duet.pictures;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.ToDoubleFunction;

import duet.device.Operation.Activation;
import duet.train.output.History;
import duet.train.output.Metrics;
import duet.train.output.MetricsLog;
import duet.train.schedule.TrainingException;
import duet.use.ReluAgainstTanh;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/**
 * The courses of several trainings in one picture: loss on the left, top-1 error on the right; training thin, validation thick with dots.
 */
public final class Comparison {
    private static final int WIDTH = 660;
    private static final int HEIGHT = 460;
    private static final int POINTS = 200;
    /** Told apart also by people who see few colours (Okabe and Ito), but for the last, which is theirs in grey. */
    private static final int[] COLOURS = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000, 0x808080};

    private Comparison() {}

    /** What the curves are drawn against. */
    public enum Axis {
        /** steps done */
        STEP("steps"),
        /** passes over the data */
        EPOCH("epochs");

        private final String title;

        Axis(String title) {
            this.title = title;
        }
    }

    /** One training: what its metrics.jsonl holds. */
    public static final class Run {
        private final String name;
        private final History history;

        private Run(String name, History history) {
            this.name = name;
            this.history = history;
        }

        /**
         * Reads the course of a training from its output folder.
         *
         * @param name   in the legend
         * @param folder the output folder of a training, which may still go on
         * @return its metrics so far
         */
        public static Run read(String name, Path folder) {
            Path file = Files.isDirectory(folder) ? folder.resolve(MetricsLog.FILE) : folder;
            if (!Files.exists(folder)) {
                throw new TrainingException(folder + ": does not exist; name a training's output folder");
            }
            if (!Files.isRegularFile(file)) {
                throw new TrainingException(folder + ": holds no " + MetricsLog.FILE + ", so it is no training's output folder");
            }
            History history = new History();
            MetricsLog.read(file, history::add);
            if (history.lines() == 0) {
                throw new TrainingException(file + ": holds no steps yet");
            }
            return new Run(name, history);
        }

        /** {@return its name in the legend} */
        public String name() {
            return name;
        }

        /** {@return the last validation; null if there was none yet} */
        public Metrics lastValidation() {
            return history.lastValidation();
        }
    }

    /**
     * Draws a PNG file.
     *
     * @param file replaced if it is there
     * @param runs with different names
     * @param axis what the curves are drawn against
     */
    public static void draw(Path file, List<Run> runs, Axis axis) {
        XYChart loss = chart("loss", "cross-entropy, nats", axis);
        XYChart error = chart("error", "top-1 error, %", axis);
        for (int i = 0; i < runs.size(); i++) {
            Color colour = new Color(COLOURS[i % COLOURS.length]);
            History history = runs.get(i).history;
            List<History.Point> training = history.training(POINTS);
            ToDoubleFunction<History.Point> x = axis == Axis.STEP ? History.Point::step : History.Point::epoch;
            add(loss, runs.get(i).name, colour, false, training, x, History.Point::loss);
            add(error, runs.get(i).name, colour, false, training, x, point -> 100 * (1 - point.top1()));
            ToDoubleFunction<Metrics> of = axis == Axis.STEP ? Metrics::step : Metrics::epoch;
            add(loss, runs.get(i).name, colour, true, history.validations(), of, Metrics::loss);
            add(error, runs.get(i).name, colour, true, history.validations(), of, metrics -> 100 * (1 - metrics.top1()));
        }
        BufferedImage both = new BufferedImage(2 * WIDTH, HEIGHT, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = both.createGraphics();
        graphics.drawImage(BitmapEncoder.getBufferedImage(loss), 0, 0, null);
        graphics.drawImage(BitmapEncoder.getBufferedImage(error), WIDTH, 0, null);
        graphics.dispose();
        Pictures.writeTo(file, both);
    }

    static XYChart chart(String title, String y, Axis axis) {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(axis.title).yAxisTitle(y).build();
        XYStyler style = chart.getStyler();
        style.setLegendPosition(Styler.LegendPosition.InsideNE).setLegendBorderColor(Color.WHITE).setChartBackgroundColor(Color.WHITE);
        style.setChartTitleBoxVisible(false).setPlotBorderVisible(false);
        style.setPlotGridLinesColor(new Color(0xE6E6E6)).setXAxisMin(0.0).setYAxisMin(0.0);
        return chart;
    }

    /** The training of a run with a validation is named by the validation. */
    private static <T> void add(
            XYChart chart, String run, Color colour, boolean validation, List<T> points, ToDoubleFunction<T> x, ToDoubleFunction<T> y) {
        if (points.isEmpty()) {
            return;
        }
        XYSeries series = chart.addSeries(validation ? run + ", validation" : run + ", training",
                points.stream().mapToDouble(x).toArray(), points.stream().mapToDouble(y).toArray());
        Color shade = validation ? colour : new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 110);
        series.setLineColor(shade).setLineStyle(new BasicStroke(validation ? 2.5f : 1.2f, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND));
        series.setMarkerColor(colour).setMarker(validation ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
    }

    /**
     * The paper's figure 1: training error against epochs, and where its dashed line is crossed.
     *
     * @param file    replaced if it is there
     * @param courses one for each non-linearity, from {@link ReluAgainstTanh}
     */
    public static void draw(Path file, List<ReluAgainstTanh.Course> courses) {
        XYChart chart = chart("training error with ReLU and with tanh", "training error, %", Axis.EPOCH);
        double last = 0;
        for (int i = 0; i < courses.size(); i++) {
            List<ReluAgainstTanh.Point> points = courses.get(i).points();
            XYSeries series = chart.addSeries(courses.get(i).function() == Activation.RELU ? "ReLU" : "tanh",
                    points.stream().mapToDouble(ReluAgainstTanh.Point::epoch).toArray(),
                    points.stream().mapToDouble(point -> 100 * point.error()).toArray());
            series.setLineColor(new Color(COLOURS[i])).setLineStyle(new BasicStroke(2));
            series.setMarker(SeriesMarkers.NONE);
            last = Math.max(last, points.getLast().epoch());
        }
        double line = 100 * ReluAgainstTanh.LINE;
        XYSeries dashed = chart.addSeries("25 %", new double[] {0, last}, new double[] {line, line});
        dashed.setLineColor(new Color(0x808080))
                .setLineStyle(new BasicStroke(1.2f, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 1, new float[] {6, 5}, 0));
        dashed.setMarker(SeriesMarkers.NONE);
        Pictures.writeTo(file, BitmapEncoder.getBufferedImage(chart));
    }
}
