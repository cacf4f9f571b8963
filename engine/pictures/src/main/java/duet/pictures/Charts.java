package duet.pictures;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.geom.Line2D;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

import duet.pictures.Canvas.Anchor;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** Charts beside each other, with one legend below all of them, where it covers no curve. */
final class Charts {
    static final int WIDTH = 620;
    static final int HEIGHT = 420;
    private static final int MARGIN = 16;
    private static final int SAMPLE = 28;
    private static final int DOT = 7;

    private Charts() {}

    /**
     * How a curve is drawn, and its line in the legend.
     *
     * @param dots at its points
     */
    record Curve(String name, Color colour, BasicStroke stroke, boolean dots) {
        static Curve line(String name, Color colour, float width) {
            return new Curve(name, colour, new BasicStroke(width, BasicStroke.CAP_ROUND, BasicStroke.JOIN_ROUND), false);
        }

        Curve fitting(int width) {
            return new Curve(Canvas.fitting(name, Canvas.FONT, width), colour, stroke, dots);
        }

        Curve dotted() {
            return new Curve(name, colour, stroke, true);
        }
    }

    static XYChart chart(String title, String x, String y) {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT).title(title).xAxisTitle(x).yAxisTitle(y).build();
        XYStyler style = chart.getStyler();
        style.setLegendVisible(false).setChartBackgroundColor(Color.WHITE);
        style.setChartTitleBoxVisible(false).setPlotBorderVisible(false);
        style.setPlotGridLinesColor(new Color(0xE6E6E6)).setXAxisMin(0.0);
        style.setLocale(Locale.ROOT).setDecimalPattern("#,##0.######");
        return chart;
    }

    /** Nothing where there are no points. */
    static <T> void add(XYChart chart, Curve curve, List<T> points, ToDoubleFunction<T> x, ToDoubleFunction<T> y) {
        add(chart, curve, points.stream().mapToDouble(x).toArray(), points.stream().mapToDouble(y).toArray());
    }

    static void add(XYChart chart, Curve curve, double[] x, double[] y) {
        if (x.length == 0) {
            return;
        }
        XYSeries series = chart.addSeries(Integer.toString(chart.getSeriesMap().size()), x, y);
        series.setLineColor(curve.colour()).setLineStyle(curve.stroke());
        series.setMarkerColor(curve.colour()).setMarker(curve.dots() ? SeriesMarkers.CIRCLE : SeriesMarkers.NONE);
    }

    static Canvas beside(List<XYChart> charts, List<Curve> legend) {
        int width = charts.size() * WIDTH;
        List<List<Curve>> lines = lines(legend.stream().map(curve -> curve.fitting(width - SAMPLE - 4 * MARGIN)).toList(),
                width - 2 * MARGIN);
        Canvas canvas = new Canvas(width, HEIGHT + lines.size() * Canvas.LINE + MARGIN);
        for (int i = 0; i < charts.size(); i++) {
            canvas.graphics().drawImage(BitmapEncoder.getBufferedImage(charts.get(i)), i * WIDTH, 0, null);
        }
        for (int i = 0; i < lines.size(); i++) {
            int x = (width - lines.get(i).stream().mapToInt(Charts::width).sum()) / 2;
            for (Curve curve : lines.get(i)) {
                draw(canvas, curve, x, HEIGHT + i * Canvas.LINE + Canvas.LINE / 2);
                x += width(curve);
            }
        }
        return canvas;
    }

    /** As many of the legend's entries on each line as there is room for. */
    private static List<List<Curve>> lines(List<Curve> legend, int width) {
        List<List<Curve>> lines = new ArrayList<>();
        int left = 0;
        for (Curve curve : legend) {
            if (left < width(curve)) {
                lines.add(new ArrayList<>());
                left = width;
            }
            lines.getLast().add(curve);
            left -= width(curve);
        }
        return lines;
    }

    private static int width(Curve curve) {
        return SAMPLE + 6 + Canvas.width(curve.name(), Canvas.FONT) + MARGIN;
    }

    private static void draw(Canvas canvas, Curve curve, int left, int middle) {
        canvas.graphics().setColor(curve.colour());
        canvas.graphics().setStroke(curve.stroke());
        canvas.graphics().draw(new Line2D.Double(left, middle, left + SAMPLE, middle));
        if (curve.dots()) {
            canvas.graphics().fillOval(left + (SAMPLE - DOT) / 2, middle - DOT / 2, DOT, DOT);
        }
        canvas.write(curve.name(), Anchor.LEFT, left + SAMPLE + 6, middle + 4);
    }
}
