package duet.train.schedule;

import java.util.List;

/** A learning rate policy; the rate of a step is a function of what is recorded in a checkpoint. */
public sealed interface LearningRate permits LearningRate.Constant, LearningRate.Steps, LearningRate.Linear, LearningRate.Exponential,
        LearningRate.Plateau, WarmUp, Diary {
    /** {@return the rate of the first step} */
    double initial();

    /**
     * {@return the rate of a step}
     *
     * @param epoch passes over the data done before it
     * @param drops how often the plateau policy has divided the rate
     */
    double at(double epoch, int drops);

    /**
     * {@return this policy, starting with another rate}
     *
     * @param rate of the first step
     */
    LearningRate startingAt(double rate);

    /**
     * {@return the rate of one parameter}
     *
     * @param layer      that it belongs to
     * @param bias       whether it is a bias
     * @param epoch      passes over the data done before the step
     * @param drops      how often the plateau policy has divided the rate
     * @param biasFactor the biases' rate as a multiple of the weights'
     */
    default double at(String layer, boolean bias, double epoch, int drops, double biasFactor) {
        return bias ? at(epoch, drops) * biasFactor : at(epoch, drops);
    }

    /**
     * {@return the decay of a layer's weights}
     *
     * @param layer its name
     * @param epoch passes over the data done before the step
     * @param usual the training's decay
     */
    default double weightDecay(String layer, double epoch, double usual) {
        return usual;
    }

    /**
     * {@return what the deviation of the augmentation's colour noise is multiplied by in this epoch}
     *
     * @param epoch passes over the data done
     */
    default double colourNoise(double epoch) {
        return 1;
    }

    /** {@return whether there are epochs in which {@link #colourNoise} is 0} */
    default boolean leavesColourNoiseOff() {
        return false;
    }

    /** {@return the layers that have rates of their own} */
    default List<String> layers() {
        return List.of();
    }

    /**
     * {@return the rates in words, where they stay as they are for a while; null where they move all the time}
     *
     * @param epoch passes over the data done
     * @param drops how often the plateau policy has divided the rate
     */
    default String phase(double epoch, int drops) {
        return "learning rate " + RateNumbers.number(at(epoch, drops));
    }

    /** {@return the plateau policy in it, which validations move, or null} */
    default Plateau plateau() {
        return null;
    }

    /**
     * A rate that stays the same in every step.
     *
     * @param initial the rate
     */
    record Constant(double initial) implements LearningRate {
        /** Throws an {@link IllegalArgumentException} unless the rate is above 0. */
        public Constant {
            RateNumbers.requirePositive(initial);
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Constant(rate);
        }

        @Override
        public double at(double epoch, int drops) {
            return initial;
        }
    }

    /**
     * A rate that is multiplied by factor after every {@code epochs} epochs.
     *
     * @param initial the first rate
     * @param epochs  between two changes
     * @param factor  between 0 and 1
     */
    record Steps(double initial, double epochs, double factor) implements LearningRate {
        /** Throws an {@link IllegalArgumentException} for numbers that make no sense. */
        public Steps {
            RateNumbers.requirePositive(initial);
            RateNumbers.require(epochs > 0 && Double.isFinite(epochs),
                    "the learning rate's epochs between steps must be above 0, not " + epochs);
            RateNumbers.requireFactor(factor);
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Steps(rate, epochs, factor);
        }

        @Override
        public double at(double epoch, int drops) {
            return initial * RateNumbers.power(factor, (long) Math.floor(epoch / epochs));
        }
    }

    /**
     * A rate that falls evenly to nearly 0 over that many epochs; from then on it is a thousandth of the first.
     *
     * @param initial the first rate
     * @param epochs  until the end of the fall
     */
    record Linear(double initial, double epochs) implements LearningRate {
        private static final double LEAST = 1e-3;

        /** Throws an {@link IllegalArgumentException} for numbers that make no sense. */
        public Linear {
            RateNumbers.requirePositive(initial);
            RateNumbers.require(epochs > 0 && Double.isFinite(epochs),
                    "the epochs over which the learning rate falls must be above 0, not " + epochs);
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Linear(rate, epochs);
        }

        @Override
        public double at(double epoch, int drops) {
            return initial * Math.max(1 - epoch / epochs, LEAST);
        }

        @Override
        public String phase(double epoch, int drops) {
            return null;
        }
    }

    /**
     * A rate that falls to {@code factor} of the first over that many epochs, by the same share in each; from then on it stays there.
     *
     * @param initial the first rate
     * @param epochs  until the end of the fall
     * @param factor  between 0 and 1
     */
    record Exponential(double initial, double epochs, double factor) implements LearningRate {
        /** Throws an {@link IllegalArgumentException} for numbers that make no sense. */
        public Exponential {
            RateNumbers.requirePositive(initial);
            RateNumbers.require(epochs > 0 && Double.isFinite(epochs),
                    "the epochs over which the learning rate falls must be above 0, not " + epochs);
            RateNumbers.requireFactor(factor);
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Exponential(rate, epochs, factor);
        }

        /** StrictMath: the same bits on every machine. */
        @Override
        public double at(double epoch, int drops) {
            return initial * StrictMath.pow(factor, Math.min(1, epoch / epochs));
        }

        @Override
        public String phase(double epoch, int drops) {
            return null;
        }
    }

    /**
     * A rate that is multiplied by factor (0.1 in the paper) when the validation error has not fallen for {@code patience} validations, at
     * most {@code times} times.
     *
     * @param initial  the first rate
     * @param factor   between 0 and 1
     * @param patience validations without a lower error
     * @param times    how often at most
     */
    record Plateau(double initial, double factor, int patience, int times) implements LearningRate {
        /** Throws an {@link IllegalArgumentException} for numbers that make no sense. */
        public Plateau {
            RateNumbers.requirePositive(initial);
            RateNumbers.requireFactor(factor);
            RateNumbers.require(patience > 0, "the learning rate's patience must be at least 1 validation, not " + patience);
            RateNumbers.require(times >= 0, "the learning rate cannot be divided " + times + " times");
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Plateau(rate, factor, patience, times);
        }

        @Override
        public double at(double epoch, int drops) {
            return initial * RateNumbers.power(factor, drops);
        }

        @Override
        public Plateau plateau() {
            return this;
        }
    }
}
