package duet.train.schedule;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;

/** A learning rate policy; the rate of a step is a function of what is recorded in a checkpoint. */
public sealed interface LearningRate permits LearningRate.Constant, LearningRate.Steps, LearningRate.Linear, LearningRate.Exponential,
        LearningRate.Plateau, LearningRate.WarmUp, Diary {
    /** The rate of the first step. */
    double initial();

    /**
     * The rate of a step.
     *
     * @param epoch passes over the data done before it
     * @param drops how often the plateau policy has divided the rate
     */
    double at(double epoch, int drops);

    /** This policy, starting with another rate. */
    LearningRate startingAt(double rate);

    /**
     * The rate of one parameter.
     *
     * @param biasFactor the biases' rate as a multiple of the weights'
     */
    default double at(String layer, boolean bias, double epoch, int drops, double biasFactor) {
        return bias ? at(epoch, drops) * biasFactor : at(epoch, drops);
    }

    /** The decay of a layer's weights, where the training's is {@code usual}. */
    default double weightDecay(String layer, double epoch, double usual) {
        return usual;
    }

    /** What the deviation of the augmentation's colour noise is multiplied by in this epoch. */
    default double colourNoise(double epoch) {
        return 1;
    }

    /** Whether there are epochs in which {@link #colourNoise} is 0. */
    default boolean leavesColourNoiseOff() {
        return false;
    }

    /** Layers that have rates of their own. */
    default List<String> layers() {
        return List.of();
    }

    /** The rates in words, where they stay as they are for a while; null where they move all the time. */
    default String phase(double epoch, int drops) {
        return "learning rate " + number(at(epoch, drops));
    }

    /** The plateau policy in it, which validations move, or null. */
    default Plateau plateau() {
        return null;
    }

    /** At most six significant digits. */
    static String number(double rate) {
        return rate == 0 ? "0" : new BigDecimal(rate, new MathContext(6)).stripTrailingZeros().toPlainString();
    }

    record Constant(double initial) implements LearningRate {
        public Constant {
            requirePositive(initial);
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

    /** Multiplied by factor after every {@code epochs} epochs. */
    record Steps(double initial, double epochs, double factor) implements LearningRate {
        public Steps {
            requirePositive(initial);
            require(epochs > 0 && Double.isFinite(epochs), "the learning rate's epochs between steps must be above 0, not " + epochs);
            requireFactor(factor);
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Steps(rate, epochs, factor);
        }

        @Override
        public double at(double epoch, int drops) {
            return initial * power(factor, (long) Math.floor(epoch / epochs));
        }
    }

    /** Falls evenly to nearly 0 over that many epochs; from then on it is a thousandth of the first. */
    record Linear(double initial, double epochs) implements LearningRate {
        private static final double LEAST = 1e-3;

        public Linear {
            requirePositive(initial);
            require(epochs > 0 && Double.isFinite(epochs), "the epochs over which the learning rate falls must be above 0, not " + epochs);
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

    /** Falls to {@code factor} of the first over that many epochs, by the same share in each; from then on it stays there. */
    record Exponential(double initial, double epochs, double factor) implements LearningRate {
        public Exponential {
            requirePositive(initial);
            require(epochs > 0 && Double.isFinite(epochs), "the epochs over which the learning rate falls must be above 0, not " + epochs);
            requireFactor(factor);
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

    /** Rises evenly from a thousandth over that many epochs, to another policy that is under way meanwhile (Goyal et al. 2017). */
    record WarmUp(double epochs, LearningRate then) implements LearningRate {
        private static final double LEAST = 1e-3;

        public WarmUp {
            require(epochs > 0 && Double.isFinite(epochs), "the epochs over which the learning rate rises must be above 0, not " + epochs);
            require(then != null && !(then instanceof WarmUp), "a learning rate warms up once, to another policy");
        }

        private double share(double epoch) {
            return Math.clamp(epoch / epochs, LEAST, 1);
        }

        /** The rate that it rises to if it did not fall meanwhile. */
        @Override
        public double initial() {
            return then.initial();
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new WarmUp(epochs, then.startingAt(rate));
        }

        @Override
        public double at(double epoch, int drops) {
            return share(epoch) * then.at(epoch, drops);
        }

        @Override
        public double at(String layer, boolean bias, double epoch, int drops, double biasFactor) {
            return share(epoch) * then.at(layer, bias, epoch, drops, biasFactor);
        }

        @Override
        public double weightDecay(String layer, double epoch, double usual) {
            return then.weightDecay(layer, epoch, usual);
        }

        @Override
        public double colourNoise(double epoch) {
            return then.colourNoise(epoch);
        }

        @Override
        public boolean leavesColourNoiseOff() {
            return then.leavesColourNoiseOff();
        }

        @Override
        public List<String> layers() {
            return then.layers();
        }

        @Override
        public String phase(double epoch, int drops) {
            return epoch < epochs ? null : then.phase(epoch, drops);
        }

        @Override
        public Plateau plateau() {
            return then.plateau();
        }
    }

    /**
     * Multiplied by factor (0.1 in the paper) when the validation error has not fallen for {@code patience} validations, at most
     * {@code times} times.
     */
    record Plateau(double initial, double factor, int patience, int times) implements LearningRate {
        public Plateau {
            requirePositive(initial);
            requireFactor(factor);
            require(patience > 0, "the learning rate's patience must be at least 1 validation, not " + patience);
            require(times >= 0, "the learning rate cannot be divided " + times + " times");
        }

        @Override
        public LearningRate startingAt(double rate) {
            return new Plateau(rate, factor, patience, times);
        }

        @Override
        public double at(double epoch, int drops) {
            return initial * power(factor, drops);
        }

        @Override
        public Plateau plateau() {
            return this;
        }
    }

    /** By multiplication: Math.pow may differ between machines in its last bit. */
    private static double power(double factor, long times) {
        double product = 1;
        for (long i = 0; i < times && product > 0; i++) {
            product *= factor;
        }
        return product;
    }

    static void requirePositive(double rate) {
        require(rate > 0 && Double.isFinite(rate), "the learning rate must be above 0, not " + rate);
    }

    private static void requireFactor(double factor) {
        require(factor > 0 && factor < 1, "the learning rate's factor must lie between 0 and 1, not " + factor);
    }

    static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
