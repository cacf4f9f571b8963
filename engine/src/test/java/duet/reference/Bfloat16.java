package duet.reference;

import java.util.Arrays;

/** Numbers of 8 significant bits with a float's range. */
final class Bfloat16 {
    /** A number is rounded by at most this part of itself. */
    static final double ROUNDING = 0x1p-8;

    private static final int DROPPED = 16;

    private Bfloat16() {}

    /** To the nearest, of two equally near ones to the even one; what is not a number stays so. */
    static double rounded(double value) {
        if (Double.isNaN(value)) {
            return value;
        }
        int bits = Float.floatToIntBits((float) value);
        int even = bits >>> DROPPED & 1;
        return Float.intBitsToFloat(bits + (1 << DROPPED - 1) - 1 + even >> DROPPED << DROPPED);
    }

    /** The same but for ties, which are rounded away from zero. */
    static double roundedAway(double value) {
        if (Double.isNaN(value)) {
            return value;
        }
        int bits = Float.floatToIntBits((float) value);
        return Float.intBitsToFloat(bits + (1 << DROPPED - 1) >> DROPPED << DROPPED);
    }

    /** All of them, which are floats. */
    static double[] roundedAway(double[] values) {
        return Arrays.stream(values).map(Bfloat16::roundedAway).toArray();
    }

    /** All of them, which are floats. */
    static double[] rounded(double[] values) {
        return Arrays.stream(values).map(Bfloat16::rounded).toArray();
    }
}
