package duet.bench.probe;

import java.util.Arrays;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * How a tensor core adds bf16 products to an fp32 sum, which PTX leaves open: what it keeps of terms that are smaller than the largest, how
 * many it adds at once, how it rounds. The same on the virtual GPU, whose setting {@code accumulation} chooses.
 */
final class AccumulationProbe {
    private static final int TERMS = 16;
    private static final float HALF_STEP = 0x1p-24f;
    private static final float NEXT = Math.nextUp(1f);
    /** Of the sums whose error is measured. */
    private static final int STEPS = 144;
    private static final int SUMS = 64;

    private final ProbeCard card;

    private AccumulationProbe(ProbeCard card) {
        this.card = card;
    }

    /** The sum of {@code first} and the products of a and b, which must be bf16 numbers, by as many mma as it takes. */
    private float[] sums(int problems, float[] first, float[] a, float[] b) {
        long out = card.allocate(4L * problems);
        card.run("probe_sum", problems, 32, out, card.upload(first), card.upload(pairs(a)), card.upload(pairs(b)),
                a.length / TERMS / problems);
        return card.floats(out, problems);
    }

    private static int[] pairs(float[] numbers) {
        int[] pairs = new int[numbers.length / 2];
        Arrays.setAll(pairs, i -> upper(numbers[2 * i]) | upper(numbers[2 * i + 1]) << 16);
        return pairs;
    }

    private static int upper(float number) {
        int bits = Float.floatToRawIntBits(number);
        if ((bits & 0xffff) != 0) {
            throw new IllegalArgumentException(number + " is no bf16 number");
        }
        return bits >>> 16;
    }

    /** One and 16 terms, some of them zeros. */
    private float one(float... terms) {
        float[] a = Arrays.copyOf(terms, TERMS);
        float[] b = new float[TERMS];
        Arrays.fill(b, 1);
        return sums(1, new float[] {1}, a, b)[0];
    }

    /** As many terms of 2^-bits as make a step of a float at one; that they are seen says that so many bits are kept. */
    private boolean keeps(int bits) {
        float[] terms = new float[1 << bits - 23];
        Arrays.fill(terms, Math.scalb(1f, -bits));
        return one(terms) == NEXT;
    }

    /** Whether terms 0 and {@code other}, half a step each, are added to each other before they are added to one. */
    private boolean together(int other) {
        float[] terms = new float[TERMS];
        terms[0] = HALF_STEP;
        terms[other] = HALF_STEP;
        return one(terms) == NEXT;
    }

    static void ask(ProbeCard card, ObjectNode answer) {
        new AccumulationProbe(card).ask(answer);
    }

    private void ask(ObjectNode answer) {
        // Three quarters of a step: to nearest is up, towards zero is down, whether or not the half is cut off before.
        boolean nearest = one(1.5f * HALF_STEP) == NEXT;
        int bits = IntStream.rangeClosed(24, 27).filter(this::keeps).max().orElse(23);
        long together = 1 + IntStream.range(1, TERMS).filter(this::together).count();
        float tiny = sums(1, new float[] {0}, Arrays.copyOf(new float[] {0x1p-130f}, TERMS), Arrays.copyOf(new float[] {1024}, TERMS))[0];
        double[] error = error();
        answer.put("correct", error[1] < 1e-3 && (tiny == 0 || tiny == 0x1p-120f))
                .put("rounding", nearest ? "nearest" : "towards zero").put("bits", bits).put("terms", together)
                .put("subnormals", tiny != 0).put("relativeError", error[0])
                .put("replaces", "the virtual GPU's accumulation=published, and how often bf16x3 and bf16x6 move sums to registers")
                .put("found", String.format(Locale.ROOT,
                        "mma adds %d terms at once, keeps %s%d bits below the largest, rounds %s; "
                                + "subnormal factors %s; error of %d terms %.1e",
                        together, bits == 27 ? "at least " : "", bits, nearest ? "to nearest" : "towards zero",
                        tiny == 0 ? "are zeros" : "count", STEPS * TERMS, error[0]));
    }

    /** Mean and largest relative error of sums of positive products, against double. */
    private double[] error() {
        SplittableRandom random = new SplittableRandom(3);
        int length = SUMS * STEPS * TERMS;
        float[] a = new float[length];
        float[] b = new float[length];
        for (int i = 0; i < length; i++) {
            a[i] = bf16(random.nextFloat());
            b[i] = bf16(random.nextFloat());
        }
        float[] sums = sums(SUMS, new float[SUMS], a, b);
        double mean = 0;
        double largest = 0;
        for (int i = 0; i < SUMS; i++) {
            double exact = 0;
            for (int k = i * STEPS * TERMS; k < (i + 1) * STEPS * TERMS; k++) {
                exact += (double) a[k] * b[k];
            }
            double error = Math.abs(sums[i] - exact) / exact;
            mean += error / SUMS;
            largest = Math.max(largest, error);
        }
        return new double[] {mean, largest};
    }

    private static float bf16(float x) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(x) & 0xffff0000);
    }
}
