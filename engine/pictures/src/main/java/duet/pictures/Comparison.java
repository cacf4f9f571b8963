package duet.pictures;

import java.awt.BasicStroke;
import java.awt.Color;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

import duet.device.Operation.Activation;
import duet.pictures.Charts.Curve;
import duet.train.output.History;
import duet.train.output.Metrics;
import duet.train.output.MetricsLog;
import duet.train.schedule.TrainingException;
import duet.use.ReluAgainstTanh;
import org.knowm.xchart.XYChart;

/**
 * The courses of several trainings in one picture: loss on the left, top-1 error on the right; training thin and smoothed, validation thick
 * with dots.
 */
public final class Comparison {
    private static final int POINTS = 200;
    /** Told apart also by people who see few colours (Okabe and Ito), but for the last, which is theirs in grey. */
    private static final int[] COLOURS = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000, 0x808080};
    /** For the first runs none; when colours are used up, the next have them again with gaps. */
    private static final float[][] DASHES = {null, {6, 5}, {2, 4}};
    private static final Color KEY = new Color(0x404040);
    private static final float TRAINING = 1.2f;
    private static final float VALIDATION = 2.5f;

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
        XYChart loss = Charts.chart("loss", axis.title, "cross-entropy, nats");
        XYChart error = Charts.chart("error", axis.title, "top-1 error, %");
        List<Curve> legend = new ArrayList<>();
        for (int i = 0; i < runs.size(); i++) {
            Run run = runs.get(i);
            Color colour = new Color(COLOURS[i % COLOURS.length]);
            float[] dashes = DASHES[i / COLOURS.length % DASHES.length];
            add(loss, run.history, axis, colour, dashes, History.Point::loss, Metrics::loss);
            add(error, run.history, axis, colour, dashes, point -> 100 * (1 - point.top1()), metrics -> 100 * (1 - metrics.top1()));
            legend.add(new Curve(run.name, colour, stroke(VALIDATION, dashes), false));
        }
        loss.getStyler().setYAxisMin(0.0);
        error.getStyler().setYAxisMin(0.0);
        legend.add(new Curve("thick, with dots: validation", KEY, stroke(VALIDATION, null), true));
        legend.add(new Curve("thin: training, smoothed", KEY, stroke(TRAINING, null), false));
        legend.add(new Curve("pale: training", pale(KEY), stroke(TRAINING, null), false));
        Pictures.writeTo(file, Charts.beside(List.of(loss, error), legend).image());
    }

    private static void add(XYChart chart, History history, Axis axis, Color colour, float[] dashes,
            ToDoubleFunction<History.Point> training, ToDoubleFunction<Metrics> validation) {
        List<History.Point> points = history.training(POINTS);
        double[] x = points.stream().mapToDouble(axis == Axis.STEP ? History.Point::step : History.Point::epoch).toArray();
        double[] y = points.stream().mapToDouble(training).toArray();
        Charts.add(chart, new Curve("", pale(colour), stroke(TRAINING, null), false), x, y);
        if (points.size() >= Smoothing.LEAST) {
            Charts.add(chart, new Curve("", colour, stroke(TRAINING, dashes), false), x, Smoothing.of(x, y));
        }
        Charts.add(chart, new Curve("", colour, stroke(VALIDATION, dashes), true), history.validations(),
                axis == Axis.STEP ? Metrics::step : Metrics::epoch, validation);
    }

    private static Color pale(Color colour) {
        return new Color(colour.getRed(), colour.getGreen(), colour.getBlue(), 70);
    }

    /** @param dashes null for a line without gaps */
    private static BasicStroke stroke(float width, float[] dashes) {
        return new BasicStroke(width, dashes == null ? BasicStroke.CAP_ROUND : BasicStroke.CAP_BUTT, BasicStroke.JOIN_ROUND, 1, dashes, 0);
    }

    /**
     * The paper's figure 1: training error against epochs, and where its dashed line is crossed.
     *
     * @param file    replaced if it is there
     * @param courses one for each non-linearity, from {@link ReluAgainstTanh}
     */
    public static void draw(Path file, List<ReluAgainstTanh.Course> courses) {
        XYChart chart = Charts.chart("training error with ReLU and with tanh", Axis.EPOCH.title, "training error, %");
        chart.getStyler().setYAxisMin(0.0);
        List<Curve> legend = new ArrayList<>();
        double last = 0;
        for (int i = 0; i < courses.size(); i++) {
            List<ReluAgainstTanh.Point> points = courses.get(i).points();
            legend.add(Curve.line(courses.get(i).function() == Activation.RELU ? "ReLU" : "tanh", new Color(COLOURS[i]), 2));
            Charts.add(chart, legend.getLast(), points, ReluAgainstTanh.Point::epoch, point -> 100 * point.error());
            last = Math.max(last, points.getLast().epoch());
        }
        double line = 100 * ReluAgainstTanh.LINE;
        legend.add(new Curve("25 %", new Color(0x808080), stroke(TRAINING, DASHES[1]), false));
        Charts.add(chart, legend.getLast(), new double[] {0, last}, new double[] {line, line});
        Pictures.writeTo(file, Charts.beside(List.of(chart), legend).image());
    }
}
