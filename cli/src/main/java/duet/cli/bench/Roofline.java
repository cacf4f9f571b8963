package duet.cli.bench;

import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import javax.imageio.ImageIO;

import com.fasterxml.jackson.databind.JsonNode;
import duet.cli.output.CommandFailure;
import duet.cli.output.Failures;
import duet.text.Text;
import org.knowm.xchart.BitmapEncoder;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.XYStyler;
import org.knowm.xchart.style.markers.SeriesMarkers;

/** The roofline model (Williams, Waterman, Patterson 2009): no kernel is above the slanted roof of memory or the level one of the units. */
public final class Roofline {
    private static final int WIDTH = 1500;
    private static final int HEIGHT = 950;
    /** Told apart also by people who see few colours (Okabe and Ito). */
    private static final List<Color> COLOURS = List.of(new Color(0x0072B2), new Color(0xD55E00), new Color(0x009E73), new Color(0xCC79A7),
            new Color(0xE69F00), new Color(0x56B4E9));

    private Roofline() {}

    /**
     * A measured kernel.
     *
     * @param flop  of the algorithm, for one run
     * @param bytes that it must read and write at least
     */
    public record Kernel(String name, double flop, double bytes, double seconds, double share) {
        double intensity() {
            return flop / bytes;
        }

        double gflops() {
            return flop / seconds * 1e-9;
        }

        /** What is done, without the layer: {@code forward}. */
        String work() {
            return name.substring(name.indexOf('.') + 1);
        }
    }

    /** Those that do arithmetic at all; a check or a copy has no place in the picture. */
    public static List<Kernel> kernels(BenchFile measured) {
        List<Kernel> kernels = new ArrayList<>();
        for (BenchFile.Measurement measurement : measured.measurements().values()) {
            JsonNode node = measurement.node();
            if (node.path("flop").asDouble() > 0 && node.path("bytes").asDouble() > 0 && node.path("seconds").asDouble() > 0) {
                kernels.add(new Kernel(node.path("kernel").asText(measurement.name()), node.get("flop").asDouble(),
                        node.get("bytes").asDouble(), node.get("seconds").asDouble(),
                        node.path("share").asDouble()));
            }
        }
        if (kernels.isEmpty() || measured.multiplyAddGflops() <= 0 || measured.memoryGigabytes() <= 0) {
            throw new CommandFailure(measured.file() + " holds no kernels with FLOP, bytes and seconds beside the machine's peak; "
                    + "duet.bench.KernelReport writes such a file, see bench/README.md");
        }
        return kernels;
    }

    public static void draw(Path file, BenchFile machine, List<Kernel> kernels) {
        double left = kernels.stream().mapToDouble(Kernel::intensity).min().orElseThrow() / 2;
        double right = kernels.stream().mapToDouble(Kernel::intensity).max().orElseThrow() * 3;
        double top = Math.max(machine.multiplyAddGflops(), kernels.stream().mapToDouble(Kernel::gflops).max().orElseThrow()) * 2;
        double bottom = kernels.stream().mapToDouble(Kernel::gflops).min().orElseThrow() / 2;
        XYChart chart = chart(machine, left, right, bottom, top);
        roofs(chart, machine, left, right);
        List<String> works = kernels.stream().map(Kernel::work).distinct().sorted().toList();
        for (String work : works) {
            List<Kernel> those = kernels.stream().filter(kernel -> kernel.work().equals(work)).toList();
            XYSeries series = chart.addSeries(work, those.stream().mapToDouble(Kernel::intensity).toArray(),
                    those.stream().mapToDouble(Kernel::gflops).toArray());
            series.setXYSeriesRenderStyle(XYSeries.XYSeriesRenderStyle.Scatter).setMarker(SeriesMarkers.CIRCLE);
            series.setMarkerColor(COLOURS.get(works.indexOf(work) % COLOURS.size()));
        }
        BufferedImage picture = BitmapEncoder.getBufferedImage(chart);
        label(picture, chart, kernels);
        write(file, picture);
    }

    private static XYChart chart(BenchFile machine, double left, double right, double bottom, double top) {
        XYChart chart = new XYChartBuilder().width(WIDTH).height(HEIGHT)
                .title(machine.processor() + ", " + machine.date().replaceAll("T.*", "")).xAxisTitle("FLOP for each byte of memory")
                .yAxisTitle("GFLOP/s").build();
        XYStyler style = chart.getStyler();
        style.setXAxisLogarithmic(true).setYAxisLogarithmic(true).setXAxisMin(left).setXAxisMax(right).setYAxisMin(bottom).setYAxisMax(top);
        style.setLegendPosition(Styler.LegendPosition.InsideNW).setLegendBorderColor(Color.WHITE).setChartBackgroundColor(Color.WHITE);
        style.setChartTitleBoxVisible(false).setPlotBorderVisible(false).setMarkerSize(9).setPlotContentSize(1);
        style.setPlotGridLinesColor(new Color(0xE6E6E6));
        return chart;
    }

    private static void roofs(XYChart chart, BenchFile machine, double left, double right) {
        double ridge = machine.multiplyAddGflops() / machine.memoryGigabytes();
        line(chart,
                "memory " + Text.rate(machine.memoryGigabytes()) + " GB/s, multiply-add " + Text.rate(machine.multiplyAddGflops())
                        + " GFLOP/s",
                new double[] {left, ridge, right},
                new double[] {left * machine.memoryGigabytes(), machine.multiplyAddGflops(), machine.multiplyAddGflops()}, false);
        line(chart, "75 % of it", new double[] {left, ridge, right}, new double[] {0.75 * left * machine.memoryGigabytes(),
                0.75 * machine.multiplyAddGflops(), 0.75 * machine.multiplyAddGflops()}, true);
    }

    private static void line(XYChart chart, String name, double[] x, double[] y, boolean dashed) {
        XYSeries series = chart.addSeries(name, x, y);
        series.setMarker(SeriesMarkers.NONE).setLineColor(dashed ? new Color(0xA0A0A0) : Color.BLACK);
        series.setLineStyle(
                dashed ? new BasicStroke(1, BasicStroke.CAP_BUTT, BasicStroke.JOIN_MITER, 1, new float[] {6, 5}, 0) : new BasicStroke(2));
    }

    /** Each kernel's layer beside its point, moved to where no other label stands. */
    private static void label(BufferedImage picture, XYChart chart, List<Kernel> kernels) {
        Graphics2D graphics = picture.createGraphics();
        graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        graphics.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 12));
        List<Rectangle2D> taken = new ArrayList<>();
        for (Kernel kernel : kernels) {
            double x = chart.getScreenXFromChart(kernel.intensity());
            double y = chart.getScreenYFromChart(kernel.gflops());
            taken.add(new Ellipse2D.Double(x - 5, y - 5, 10, 10).getBounds2D());
        }
        for (Kernel kernel : kernels.stream().sorted(Comparator.comparingDouble(Kernel::intensity)).toList()) {
            double x = chart.getScreenXFromChart(kernel.intensity());
            double y = chart.getScreenYFromChart(kernel.gflops());
            String text = kernel.name().substring(0, Math.max(0, kernel.name().indexOf('.')));
            Rectangle2D size = graphics.getFontMetrics().getStringBounds(text, graphics);
            Rectangle2D place = place(x, y, size, taken);
            taken.add(place);
            graphics.setColor(new Color(0xB0B0B0));
            graphics.drawLine((int) x, (int) y, (int) (place.getX() < x ? place.getMaxX() : place.getX()), (int) place.getCenterY());
            graphics.setColor(new Color(0x303030));
            graphics.drawString(text, (float) place.getX(), (float) (place.getY() - size.getY()));
        }
        graphics.dispose();
    }

    /** The nearest free place around a point; if there is none, to its right. */
    private static Rectangle2D place(double x, double y, Rectangle2D size, List<Rectangle2D> taken) {
        for (int distance = 10; distance < 160; distance += 6) {
            for (int step = 0; step < 16; step++) {
                // Angles from the right on, up and down in turn: labels to the right are read first.
                double angle = (step % 2 == 0 ? 1 : -1) * ((step + 1) / 2) * Math.PI / 8;
                double cx = x + distance * Math.cos(angle);
                double cy = y - distance * Math.sin(angle);
                double px = Math.cos(angle) >= 0 ? cx : cx - size.getWidth();
                Rectangle2D place = new Rectangle2D.Double(px, cy - size.getHeight() / 2, size.getWidth(), size.getHeight());
                boolean inside = px > 60 && px + size.getWidth() < WIDTH - 10 && place.getY() > 40 && place.getMaxY() < HEIGHT - 50;
                if (inside && taken.stream().noneMatch(place::intersects)) {
                    return place;
                }
            }
        }
        return new Rectangle2D.Double(x + 10, y - size.getHeight() / 2, size.getWidth(), size.getHeight());
    }

    private static void write(Path file, BufferedImage picture) {
        try {
            if (!ImageIO.write(picture, "png", file.toFile())) {
                throw new CommandFailure(file + " cannot be written: this Java cannot write PNG images");
            }
        } catch (IOException e) {
            throw new CommandFailure(file + " cannot be written: " + Failures.sentence(e));
        }
    }
}
