package duet.bench.conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/** What the kernels are given: the numbers at the edges of each type, then random ones; the same for a form each time. */
final class Operands {
    /** Operands of a lane, 8 bytes each. */
    static final int WORDS = 4;
    private static final int EXACT_CASES = 96;
    private static final int APPROXIMATE_CASES = 256;

    /** Signed zeros, denormals, the ends of the range, infinities, NaNs quiet and signalling, ties of roundings, ends of integer ranges. */
    private static final long[] FLOATS = {
            0, 0x80000000L, 0x3f800000, 0xbf800000L, 1, 0x80000001L, 0x007fffff, 0x807fffffL, 0x00800000, 0x80800000L, 0x7f7fffff,
            0xff7fffffL,
            0x7f800000, 0xff800000L, 0x7fc00000, 0x7f800001, 0xffc00001L, 0x3f000000, 0x3fc00000, 0x40200000, 0xbf000000L, 0xbfc00000L,
            0xc0200000L, 0x3f7fffff, 0x3f800001, 0x4b000001, 0x4effffff, 0x4f000000, 0xcf000000L, 0xcf000001L, 0x4f800000, 0x40400000,
            0x3eaaaaab,
            0x42fc0000, 0xc2fc0000L, 0xc3158000L, 0x43000000, 0x33800000, 0x34000000, 0xb3800000L, 0x7e800000, 0x7e800001, 0x00400000};
    private static final long[] WORDS32 = {
            0, 1, 0xffffffffL, 2, 3, 31, 32, 33, 63, 64, 255, 256, 0x7fffffff, 0x80000000L, 0x80000001L, 0xfffffffeL, 0x12345678,
            0xdeadbeefL,
            0xffff, 0x10000, 0x01000001, 0x01000003, 0x7fffffbf, 0x7fffffc0, 0xffffff80L, 0xffffff7fL};
    private static final long[] WORDS64 = {
            0, 1, -1, 2, 63, 64, 0x7fffffffL, 0x80000000L, 0xffffffffL, 0x100000000L, 0x100000001L, Long.MIN_VALUE, Long.MAX_VALUE,
            Long.MIN_VALUE + 1, 0x123456789abcdef0L, 0xdeadbeefcafebabeL, -0x80000000L, -2};

    private Operands() {}

    /** For a form that takes operands of these types; the words that it does not take are 0. */
    static long[][] of(Instruction instruction) {
        List<String> types = instruction.operands();
        SplittableRandom random = new SplittableRandom(instruction.form().hashCode());
        List<long[]> cases = new ArrayList<>();
        int count = instruction.exact() ? EXACT_CASES : APPROXIMATE_CASES;
        for (int i = 0; i < count; i++) {
            long[] operands = new long[WORDS];
            for (int k = 0; k < types.size(); k++) {
                long[] edges = edges(types.get(k));
                // Each operand walks through its edges at a pace of its own, then edges and random numbers meet.
                boolean edge = i < edges.length || (types.size() > 1 && random.nextInt(3) == 0);
                int which = i < edges.length && k == 0 ? i : random.nextInt(edges.length);
                operands[k] = edge ? edges[which] : random(types.get(k), random);
            }
            if (divides(instruction.form())) {
                avoidUndefined(types.getFirst(), operands);
            }
            cases.add(operands);
        }
        return cases.toArray(long[][]::new);
    }

    /** Any bits, for forms that only move them. */
    static long[][] bits(String form, int lanes) {
        SplittableRandom random = new SplittableRandom(form.hashCode());
        long[][] cases = new long[lanes][WORDS];
        for (long[] operands : cases) {
            for (int k = 0; k < WORDS; k++) {
                operands[k] = random.nextLong();
            }
        }
        return cases;
    }

    private static boolean divides(String form) {
        return form.matches("(div|rem)\\.[su]\\d+");
    }

    /** Integer division by zero, and of the least number by -1, is not defined by PTX: an answer would be a card's own. */
    private static void avoidUndefined(String type, long[] operands) {
        boolean minusOne = operands[1] == (type.endsWith("64") ? -1 : 0xffffffffL);
        if (operands[1] == 0 || (minusOne && type.startsWith("s"))) {
            operands[1] = 7;
        }
    }

    private static long[] edges(String type) {
        return switch (type) {
            case "f32" -> FLOATS;
            case "pred" -> new long[] {0, 1};
            case "b16", "u16", "s16" -> new long[] {0, 1, 255, 256, 0x7fff, 0x8000, 0xffff};
            case "b64", "u64", "s64" -> WORDS64;
            default -> WORDS32;
        };
    }

    private static long random(String type, SplittableRandom random) {
        return switch (type) {
            // Half of them of ordinary size: with random bits sums would hardly ever meet.
            case "f32" -> (random.nextBoolean() ? random.nextInt()
                    : Float.floatToRawIntBits((float) Math.scalb(random.nextDouble() - 0.5, random.nextInt(-8, 9)))) & 0xffffffffL;
            case "pred" -> random.nextInt(2);
            case "b16", "u16", "s16" -> random.nextInt(1 << 16);
            case "b64", "u64", "s64" -> random.nextLong() >> random.nextInt(64);
            default -> (random.nextInt() >> random.nextInt(32)) & 0xffffffffL;
        };
    }
}
