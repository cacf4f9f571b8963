package duet.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Files as accidents and enemies make them: bits turned, numbers replaced by telling ones, pieces cut out, doubled, exchanged. */
final class Mutations {
    private static final long[] NUMBERS = {0, 1, -1, 2, 127, 128, 255, 256, 32767, 65535, 65536, Integer.MAX_VALUE, Integer.MIN_VALUE,
            1L << 32, Long.MAX_VALUE, Long.MIN_VALUE, 1_000_000_007};
    private static final List<String> WORDS = List.of("null", "0", "-1", "1e308", "1e999", "\"\"", "[]", "{}", "true", "2147483648",
            "9223372036854775808", "0.5", "NaN", "[null]", "\"\\u0000\"", "\"x\"", "{\"a\":null}", "1e-400", "-0", "[[]]");
    private static final Pattern TOKEN = Pattern.compile("\"(?:[^\"\\\\]++|\\\\.)*+\"|-?[0-9][0-9.eE+-]*|true|false|null|[\\[\\]{},:]");

    /** Of a text at a time. */
    private static final int NEAR = 200;

    private final SplittableRandom random;
    private final List<byte[]> corpus;
    private final boolean text;

    /** @param text whether tokens of JSON are replaced, too */
    Mutations(SplittableRandom random, List<byte[]> corpus, boolean text) {
        this.random = random;
        this.corpus = corpus;
        this.text = text;
    }

    byte[] next() {
        byte[] bytes = corpus.get(random.nextInt(corpus.size())).clone();
        int changes = 1 << random.nextInt(4);
        for (int i = 0; i < changes && bytes.length > 0; i++) {
            bytes = text && random.nextInt(4) > 0 ? token(bytes) : bytes(bytes);
        }
        return bytes;
    }

    private byte[] bytes(byte[] bytes) {
        int at = place(bytes);
        return switch (random.nextInt(9)) {
            case 0 -> {
                bytes[at] ^= (byte) (1 << random.nextInt(8));
                yield bytes;
            }
            case 1 -> {
                bytes[at] = (byte) random.nextInt();
                yield bytes;
            }
            case 2, 3, 4 -> number(bytes, at);
            case 5 -> Arrays.copyOf(bytes, at);
            case 6 -> spliced(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(32)), new byte[0]);
            case 7 -> spliced(bytes, at, at, Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(64))));
            default -> {
                byte[] other = corpus.get(random.nextInt(corpus.size()));
                int from = random.nextInt(other.length);
                yield spliced(bytes, at, Math.min(bytes.length, at + 1 + random.nextInt(64)),
                        Arrays.copyOfRange(other, from, Math.min(other.length, from + 1 + random.nextInt(64))));
            }
        };
    }

    /** More often near the beginning, where headers are. */
    private int place(byte[] bytes) {
        int end = random.nextBoolean() ? bytes.length : Math.min(bytes.length, 256);
        return random.nextInt(end);
    }

    private byte[] number(byte[] bytes, int at) {
        long number = NUMBERS[random.nextInt(NUMBERS.length)] + random.nextInt(3) - 1;
        int width = 1 << random.nextInt(4);
        boolean little = random.nextBoolean();
        for (int i = 0; i < width && at + i < bytes.length; i++) {
            bytes[at + i] = (byte) (number >> 8 * (little ? i : width - 1 - i));
        }
        return bytes;
    }

    private byte[] token(byte[] bytes) {
        int start = place(bytes);
        String near = new String(bytes, start, Math.min(NEAR, bytes.length - start), StandardCharsets.ISO_8859_1);
        List<MatchResult> tokens = TOKEN.matcher(near).results().toList();
        if (tokens.isEmpty()) {
            return bytes(bytes);
        }
        MatchResult token = tokens.get(random.nextInt(tokens.size()));
        String by = switch (random.nextInt(5)) {
            case 0 -> "";
            case 1 -> tokens.get(random.nextInt(tokens.size())).group();
            default -> WORDS.get(random.nextInt(WORDS.size()));
        };
        return spliced(bytes, start + token.start(), start + token.end(), by.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static byte[] spliced(byte[] bytes, int from, int to, byte[] by) {
        byte[] result = Arrays.copyOf(bytes, bytes.length - (to - from) + by.length);
        System.arraycopy(by, 0, result, from, by.length);
        System.arraycopy(bytes, to, result, from + by.length, bytes.length - to);
        return result;
    }
}
