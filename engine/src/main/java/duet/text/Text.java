package duet.text;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

/** Numbers as people read them. */
public final class Text {
    private static final Pattern CONTROL = Pattern.compile("[\\p{Cntrl}\u2028\u2029]+");

    private Text() {}

    /**
     * {@return words in one line, without control characters: names that come from files may hold anything}
     *
     * @param words any, or null
     */
    public static String line(String words) {
        return words == null ? null : CONTROL.matcher(words).replaceAll(" ");
    }

    /**
     * {@return a whole number with commas, such as {@code 60,965,224}}
     *
     * @param number any
     */
    public static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /**
     * {@return a number with its noun, such as {@code 1 image}, {@code 2 images}}
     *
     * @param number any
     * @param noun   in the singular; the plural has an s
     */
    public static String count(long number, String noun) {
        return count(number) + " " + noun + (number == 1 ? "" : "s");
    }

    /**
     * {@return a number to about three digits, such as {@code 1,234}, {@code 12.3}, {@code 0.45} or {@code 0.00067}}
     *
     * @param number such as images a second
     */
    public static String rate(double number) {
        int decimals = number >= 99.95 ? 0 : number >= 9.995 ? 1 : number >= 0.0995 || number == 0 ? 2 : number >= 0.00995 ? 3 : 5;
        return String.format(Locale.ROOT, "%,." + decimals + "f", number);
    }

    /**
     * {@return a number with at most six significant digits, without trailing zeros: {@code 0.02}, {@code 3}}
     *
     * @param number such as a learning rate
     */
    public static String number(double number) {
        return new java.math.BigDecimal(number, new java.math.MathContext(6)).stripTrailingZeros().toPlainString();
    }

    /**
     * {@return a share in hundredths, such as {@code 86.70 %}}
     *
     * @param fraction 0 to 1
     */
    public static String percent(double fraction) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * fraction);
    }

    /**
     * {@return a loss with four decimals, such as {@code 2.3026}}
     *
     * @param loss in nats
     */
    public static String loss(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    /**
     * {@return a time in two units at most: {@code 12 s}, {@code 3 min 04 s}, {@code 2 h 05 min}}
     *
     * @param time not negative
     */
    public static String duration(Duration time) {
        long seconds = Math.round(time.toMillis() / 1000.0);
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return String.format(Locale.ROOT, "%d min %02d s", seconds / 60, seconds % 60);
        }
        return String.format(Locale.ROOT, "%d h %02d min", seconds / 3600, seconds / 60 % 60);
    }

    /**
     * {@return a number of operations, such as {@code 1.45 GFLOP} or {@code 3.10 MFLOP}}
     *
     * @param operations not a rate
     */
    public static String flop(long operations) {
        return operations >= 100_000_000
                ? String.format(Locale.ROOT, "%.2f GFLOP", operations / 1e9)
                : String.format(Locale.ROOT, "%.2f MFLOP", operations / 1e6);
    }

    /**
     * {@return a size, such as {@code 12 bytes}, {@code 3.10 KiB}, {@code 233 MiB}: binary prefixes, for memory, files and what is
     * exchanged}
     *
     * @param bytes not negative
     */
    public static String bytes(long bytes) {
        if (bytes < 1024) {
            return bytes + " bytes";
        }
        double value = bytes;
        int unit = -1;
        while (value >= 1024 && unit < 3) {
            value /= 1024;
            unit++;
        }
        return rate(value) + " " + List.of("KiB", "MiB", "GiB", "TiB").get(unit);
    }
}
