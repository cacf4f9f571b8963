package duet.cli.options;

import java.math.BigInteger;

import duet.data.Views;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Option values that are numbers, with the range that makes sense. */
public final class Numbers {
    private Numbers() {}

    /** 1, 2, 3, ... */
    public static final class PositiveInteger implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return (int) whole(text, 1, Integer.MAX_VALUE);
        }
    }

    /** 0, 1, 2, ... */
    public static final class Count implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return (int) whole(text, 0, Integer.MAX_VALUE);
        }
    }

    /** 0 to 65,535. */
    public static final class Port implements ITypeConverter<Integer> {
        @Override
        public Integer convert(String text) {
            return (int) whole(text, 0, 65_535);
        }
    }

    /** 1, 2, 3, ... */
    public static final class PositiveLong implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return whole(text, 1, Long.MAX_VALUE);
        }
    }

    /** Any 64-bit number. */
    public static final class Seed implements ITypeConverter<Long> {
        @Override
        public Long convert(String text) {
            return whole(text, Long.MIN_VALUE, Long.MAX_VALUE);
        }
    }

    /** Above 0. */
    public static final class Positive implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            double value = real(text);
            return check(value > 0, text, "a number above 0", value);
        }
    }

    /** 0 or more. */
    static final class NonNegative implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            double value = real(text);
            return check(value >= 0, text, "a number of at least 0", value);
        }
    }

    /** 0 or more, below 1. */
    public static final class Fraction implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            double value = real(text);
            return check(value >= 0 && value < 1, text, "a number of at least 0 and below 1", value);
        }
    }

    /** 1 or 10 views of an image. */
    public static final class ViewCount implements ITypeConverter<Views> {
        @Override
        public Views convert(String text) {
            return switch (text) {
                case "1" -> Views.ONE;
                case "10" -> Views.TEN;
                default -> throw new TypeConversionException("'" + text + "' is neither 1 nor 10");
            };
        }
    }

    static long whole(String text, long least, long most) {
        if (!text.matches("[+-]?[0-9]{1,100}")) {
            throw new TypeConversionException("'" + text + "' is not a whole number");
        }
        BigInteger value = new BigInteger(text);
        if (value.compareTo(BigInteger.valueOf(least)) < 0) {
            throw new TypeConversionException(text + " is below " + least);
        }
        if (value.compareTo(BigInteger.valueOf(most)) > 0) {
            throw new TypeConversionException(text + " is above " + most);
        }
        return value.longValue();
    }

    /** NaN for what is no number, so that every range check fails. */
    static double real(String text) {
        try {
            double value = Double.parseDouble(text);
            return Double.isInfinite(value) ? Double.NaN : value;
        } catch (NumberFormatException e) {
            return Double.NaN;
        }
    }

    private static double check(boolean fine, String text, String what, double value) {
        if (!fine) {
            throw new TypeConversionException("'" + text + "' is not " + what);
        }
        return value;
    }
}
