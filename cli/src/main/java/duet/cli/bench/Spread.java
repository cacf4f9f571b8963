package duet.cli.bench;

import java.util.Collection;

import duet.text.Text;

/** How repeated measurements lie: the median, and what is around it. */
public record Spread(double least, double lowerQuartile, double median, double upperQuartile, double most) {

    /** @param values at least one */
    public static Spread of(Collection<Double> values) {
        double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        return new Spread(sorted[0], quantile(sorted, 0.25), quantile(sorted, 0.5), quantile(sorted, 0.75), sorted[sorted.length - 1]);
    }

    /** Between two values in proportion to the distance. */
    private static double quantile(double[] sorted, double fraction) {
        double place = fraction * (sorted.length - 1);
        int below = (int) place;
        int above = Math.min(below + 1, sorted.length - 1);
        return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
    }

    /** Such as {@code 1.62 (1.55 to 1.70, quartiles 1.60 to 1.66)}. */
    String text() {
        return Text.rate(median) + " (" + Text.rate(least) + " to " + Text.rate(most) + ", quartiles " + Text.rate(lowerQuartile) + " to "
                + Text.rate(upperQuartile) + ")";
    }
}
