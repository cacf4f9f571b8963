package duet.train;

/** A learning rate policy; the rate of a step is a function of what is recorded in a checkpoint. */
public sealed interface LearningRate {
    /** The rate of the first step. */
    double initial();

    /**
     * The rate of a step.
     *
     * @param epoch passes over the data done before it
     * @param drops how often the plateau policy has divided the rate
     */
    double at(double epoch, int drops);

    /** The same policy with another first rate. */
    LearningRate startingAt(double rate);

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

    /** Falls evenly to nearly 0 over so many epochs; from then on it is a thousandth of the first. */
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
    }

    /** Multiplied by factor (0.1 in the paper) when the validation error has not fallen for {@code patience} validations, at most {@code times} times. */
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
    }

    /** By multiplication: Math.pow may differ between machines in its last bit. */
    private static double power(double factor, long times) {
        double product = 1;
        for (long i = 0; i < times && product > 0; i++) {
            product *= factor;
        }
        return product;
    }

    private static void requirePositive(double rate) {
        require(rate > 0 && Double.isFinite(rate), "the learning rate must be above 0, not " + rate);
    }

    private static void requireFactor(double factor) {
        require(factor > 0 && factor < 1, "the learning rate's factor must lie between 0 and 1, not " + factor);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
