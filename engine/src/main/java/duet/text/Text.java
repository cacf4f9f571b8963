package duet.text;

import java.time.Duration;
import java.util.List;
import java.util.Locale;

/** Numbers as people read them. */
public final class Text {
    private Text() {}

    /** 60,965,224. */
    public static String count(long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    /** {@code 1 image}, {@code 2 images}. */
    public static String count(long number, String noun) {
        return count(number) + " " + noun + (number == 1 ? "" : "s");
    }

    /** 1,234 or 12.3 or 0.45 or 0.011 or 0.00067: about three digits. */
    public static String rate(double number) {
        int decimals = number >= 99.95 ? 0 : number >= 9.995 ? 1 : number >= 0.0995 || number == 0 ? 2 : number >= 0.00995 ? 3 : 5;
        return String.format(Locale.ROOT, "%,." + decimals + "f", number);
    }

    /** At most six significant digits, without trailing zeros: {@code 0.02}, {@code 3}. */
    public static String number(double number) {
        return new java.math.BigDecimal(number, new java.math.MathContext(6)).stripTrailingZeros().toPlainString();
    }

    /**
     * 86.70 %.
     *
     * @param fraction 0 to 1
     */
    public static String percent(double fraction) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * fraction);
    }

    /** Four decimals: 2.3026. */
    public static String loss(double loss) {
        return String.format(Locale.ROOT, "%.4f", loss);
    }

    /** 12 s, 3 min 04 s, 2 h 05 min. */
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

    /** 1.45 GFLOP or 3.10 MFLOP. */
    public static String flop(long operations) {
        return operations >= 100_000_000
                ? String.format(Locale.ROOT, "%.2f GFLOP", operations / 1e9)
                : String.format(Locale.ROOT, "%.2f MFLOP", operations / 1e6);
    }

    /** 12 bytes, 3.10 KiB, 233 MiB: binary prefixes, for memory, files and what is exchanged. */
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
