package duet.data.source;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The numbers and texts of a pickle. */
final class PickleScalars {
    private PickleScalars() {}

    /** Python's None, which has no other meaning here. */
    private enum None { NONE }

    /** What is wrong, without the file. */
    static final class Refused extends RuntimeException {
        private static final long serialVersionUID = 1;

        Refused(String message) {
            super(message);
        }
    }

    /** @return the value of an operation, or null if the code is that of none with a number or a text */
    static Object read(int code, ByteBuffer in) {
        Object number = number(code, in);
        return number != null ? number : text(code, in);
    }

    private static Object number(int code, ByteBuffer in) {
        return switch (code) {
            case 'N' -> None.NONE;
            case 0x88 -> true;
            case 0x89 -> false;
            case 'K' -> (long) (in.get() & 0xFF);
            case 'M' -> (long) (in.getShort() & 0xFFFF);
            case 'J' -> (long) in.getInt();
            case 'I' -> textNumber(line(in));
            case 'L' -> Long.parseLong(line(in).replace("L", ""));
            case 'F' -> Double.parseDouble(line(in));
            case 'G' -> Double.longBitsToDouble(Long.reverseBytes(in.getLong()));
            case 0x8a -> littleEndian(take(in, in.get() & 0xFF));
            default -> null;
        };
    }

    private static Object textNumber(String text) {
        return text.equals("01") ? (Object) true : text.equals("00") ? false : (Object) Long.parseLong(text);
    }

    private static long littleEndian(byte[] bytes) {
        if (bytes.length > 8) {
            throw new Refused("holds a number of " + bytes.length + " bytes, which a CIFAR-10 batch does not need");
        }
        byte[] reversed = new byte[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            reversed[i] = bytes[bytes.length - 1 - i];
        }
        return bytes.length == 0 ? 0 : new BigInteger(reversed).longValueExact();
    }

    private static String text(int code, ByteBuffer in) {
        return switch (code) {
            case 'U', 'C' -> latin(take(in, in.get() & 0xFF));
            case 'T', 'B' -> latin(take(in, in.getInt()));
            case 0x8e -> latin(take(in, in.getLong()));
            case 0x8c -> utf8(take(in, in.get() & 0xFF));
            case 'X' -> utf8(take(in, in.getInt()));
            case 0x8d -> utf8(take(in, in.getLong()));
            case 'S' -> quoted(line(in));
            case 'V' -> line(in);
            default -> null;
        };
    }

    private static String latin(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private static String utf8(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** A lying length must not cost memory: what is claimed must be there. */
    private static byte[] take(ByteBuffer in, long length) {
        if (length < 0 || length > in.remaining()) {
            throw new Refused(
                    "is truncated: at byte %d it claims %d bytes, but only %d follow".formatted(in.position(), length, in.remaining()));
        }
        byte[] bytes = new byte[(int) length];
        in.get(bytes);
        return bytes;
    }

    /** Up to the end of a line. */
    static String line(ByteBuffer in) {
        int end = in.position();
        while (in.get(end) != '\n') {
            end++;
        }
        String text = latin(take(in, end - in.position()));
        in.get();
        return text;
    }

    /** Escapes do not occur in the names of classes and files. */
    private static String quoted(String text) {
        char quote = text.charAt(0);
        if (text.length() < 2 || quote != text.charAt(text.length() - 1) || quote != '\'' && quote != '"' || text.contains("\\")) {
            throw new Refused("holds the text " + text + ", which is quoted in a way that a CIFAR-10 batch does not need");
        }
        return text.substring(1, text.length() - 1);
    }
}
