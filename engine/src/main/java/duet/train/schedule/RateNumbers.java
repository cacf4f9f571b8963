package duet.train.schedule;

import java.math.BigDecimal;
import java.math.MathContext;

/** What learning rates may be, and how they are written. Numbers that make no sense are an {@link IllegalArgumentException}. */
final class RateNumbers {
    private RateNumbers() {}

    static void requirePositive(double rate) {
        require(rate > 0 && Double.isFinite(rate), "the learning rate must be above 0, not " + rate);
    }

    static void requireFactor(double factor) {
        require(factor > 0 && factor < 1, "the learning rate's factor must lie between 0 and 1, not " + factor);
    }

    static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    /** By multiplication: Math.pow may differ between machines in its last bit. */
    static double power(double factor, long times) {
        double product = 1;
        for (long i = 0; i < times && product > 0; i++) {
            product *= factor;
        }
        return product;
    }

    /** At most six significant digits. */
    static String number(double rate) {
        return rate == 0 ? "0" : new BigDecimal(rate, new MathContext(6)).stripTrailingZeros().toPlainString();
    }
}
