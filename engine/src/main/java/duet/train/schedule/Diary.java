package duet.train.schedule;

import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;

import duet.json.Nullable;

/**
 * Rates as somebody has written them down, changed by hand at certain epochs, also for single layers: how the networks of 2012 were
 * trained. {@link Schedules} reads such diaries.
 *
 * <p>The general rate is {@code initial} and whatever later changes without layers make of it. A layer that a change has named keeps its
 * own rate from then on, until it is named again. Biases have the rate {@code biasRate}, whatever the weights have, or without one the
 * weights' times {@link TrainingOptions#biasRateFactor}.
 *
 * @param initial  the weights' first rate
 * @param biasRate the biases' first rate, or null
 * @param changes  in the order of their epochs
 * @param epochs   that the training had, or 0
 * @param batch    that the rates are for, or 0 for any
 */
public record Diary(double initial, Double biasRate, List<Change> changes, int epochs, int batch) implements LearningRate {
    /** Throws an {@link IllegalArgumentException} for rates that are not above 0 and changes out of order. */
    public Diary {
        RateNumbers.requirePositive(initial);
        requireRate(biasRate, "the biases' rate");
        changes = changes == null ? List.of() : List.copyOf(changes);
        RateNumbers.require(epochs >= 0, "a training cannot have " + epochs + " epochs");
        RateNumbers.require(batch >= 0, "a batch cannot have " + batch + " images");
        for (int i = 1; i < changes.size(); i++) {
            double before = changes.get(i - 1).epoch();
            RateNumbers.require(before <= changes.get(i).epoch(),
                    "the changes must be in the order of their epochs, but " + changes.get(i).epoch()
                            + " follows " + before);
        }
    }

    /**
     * What changes when that many epochs are done; null leaves things as they are.
     *
     * @param epoch       passes over the data done before it
     * @param layers      that it is for, or null for all that have no rate of their own
     * @param rate        of the weights; with 0 they stand still as soon as their momentum has run out
     * @param biasRate    of the biases
     * @param weightDecay of the weights, in place of {@link TrainingOptions#weightDecay}
     * @param colourNoise factor of the colour noise of the augmentation: 1 as it is, 0 none; not for single layers
     */
    public record Change(
            double epoch, @Nullable List<String> layers, Double rate, Double biasRate, Double weightDecay, Double colourNoise) {
        /** Throws an {@link IllegalArgumentException} for numbers that make no sense. */
        public Change {
            RateNumbers.require(epoch >= 0 && Double.isFinite(epoch), "a change needs an epoch of at least 0, not " + epoch);
            layers = layers == null ? null : List.copyOf(layers);
            RateNumbers.require(layers == null || !layers.isEmpty(),
                    "the change at epoch " + epoch + " names no layers; leave the list out for all");
            RateNumbers.require(layers == null || colourNoise == null,
                    "colour noise is not for single layers, but the change at epoch " + epoch
                            + " names some");
            RateNumbers.require(rate != null || biasRate != null || weightDecay != null || colourNoise != null,
                    "the change at epoch " + epoch + " changes nothing; it can have rate, biasRate, weightDecay, colourNoise");
            requireRate(rate, "the rate");
            requireRate(biasRate, "the biases' rate");
            requireRate(weightDecay, "the weight decay");
            requireRate(colourNoise, "the factor of the colour noise");
        }

        private boolean isFor(String layer) {
            return layer == null ? layers == null : layers != null && layers.contains(layer);
        }

        private Change times(double factor) {
            return new Change(epoch, layers, scaled(rate, factor), scaled(this.biasRate, factor), weightDecay, colourNoise);
        }
    }

    private static void requireRate(Double value, String what) {
        RateNumbers.require(value == null || value >= 0 && Double.isFinite(value), what + " must be at least 0, not " + value);
    }

    private static Double scaled(Double value, double factor) {
        return value == null ? null : (Double) (value * factor);
    }

    /** All rates in proportion. */
    @Override
    public Diary startingAt(double rate) {
        double factor = rate / initial;
        return new Diary(rate, scaled(biasRate, factor), changes.stream().map(change -> change.times(factor)).toList(), epochs, batch);
    }

    /**
     * The last value before or at this epoch, or null.
     *
     * @param layer null for what is general
     */
    private Double last(String layer, double epoch, Function<Change, Double> value) {
        Double found = null;
        for (Change change : changes) {
            if (change.epoch() <= epoch && change.isFor(layer) && value.apply(change) != null) {
                found = value.apply(change);
            }
        }
        return found;
    }

    @Override
    public double at(double epoch, int drops) {
        return Objects.requireNonNullElse(last(null, epoch, Change::rate), initial);
    }

    @Override
    public double at(String layer, boolean bias, double epoch, int drops, double biasFactor) {
        double weights = Objects.requireNonNullElseGet(last(layer, epoch, Change::rate), () -> at(epoch, drops));
        if (!bias) {
            return weights;
        }
        Double own = last(layer, epoch, Change::biasRate);
        Double general = own == null ? last(null, epoch, Change::biasRate) : own;
        return general != null ? general : biasRate != null ? biasRate : weights * biasFactor;
    }

    @Override
    public double weightDecay(String layer, double epoch, double usual) {
        Double own = last(layer, epoch, Change::weightDecay);
        return own != null ? own : Objects.requireNonNullElse(last(null, epoch, Change::weightDecay), usual);
    }

    @Override
    public double colourNoise(double epoch) {
        return Objects.requireNonNullElse(last(null, epoch, Change::colourNoise), 1.0);
    }

    @Override
    public boolean leavesColourNoiseOff() {
        return changes.stream().anyMatch(change -> change.colourNoise() != null && change.colourNoise() == 0);
    }

    @Override
    public List<String> layers() {
        return changes.stream().filter(change -> change.layers() != null).flatMap(change -> change.layers().stream()).distinct().toList();
    }

    @Override
    public String phase(double epoch, int drops) {
        StringBuilder text = new StringBuilder("learning rate ").append(RateNumbers.number(at(epoch, drops)));
        Double changed = last(null, epoch, Change::biasRate);
        Double biases = changed == null ? biasRate : changed;
        Double decay = last(null, epoch, Change::weightDecay);
        text.append(biases == null ? "" : ", biases " + RateNumbers.number(biases))
                .append(decay == null ? "" : ", weight decay " + RateNumbers.number(decay));
        for (String layer : layers()) {
            String own = List.of(own(layer, "", epoch, Change::rate), own(layer, "biases ", epoch, Change::biasRate),
                    own(layer, "weight decay ", epoch, Change::weightDecay)).stream().filter(part -> !part.isEmpty())
                    .collect(Collectors.joining(", "));
            text.append(own.isEmpty() ? "" : "; " + layer + ": " + own);
        }
        double noise = colourNoise(epoch);
        return text.append(noise == 1 ? "" : "; colour noise " + (noise == 0 ? "off" : "times " + RateNumbers.number(noise))).toString();
    }

    private String own(String layer, String what, double epoch, Function<Change, Double> value) {
        Double found = last(layer, epoch, value);
        return found == null ? "" : what + RateNumbers.number(found);
    }
}
