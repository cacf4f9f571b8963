package duet.cli.tensorboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.cli.tensorboard.proto.TensorBoard.HistogramProto;
import org.junit.jupiter.api.Test;

class HistogramTest {
    @Test
    void countsAreThoseOfEachPart() {
        float[] values = new float[129]; // 0, 0.5, ... 64: two in each part, and the highest in the last
        for (int i = 0; i < values.length; i++) {
            values[i] = i / 2f;
        }
        HistogramProto proto = Histogram.of(values).toProto();
        assertEquals(List.of(0.0, 64.0, 129.0, 4128.0), List.of(proto.getMin(), proto.getMax(), proto.getNum(), proto.getSum()));
        assertEquals(IntStream.range(0, 129).mapToDouble(i -> i * i / 4.0).sum(), proto.getSumSquares());
        assertEquals(IntStream.rangeClosed(1, 64).mapToObj(i -> (double) i).toList(), proto.getBucketLimitList());
        assertEquals(IntStream.range(0, 64).mapToObj(i -> i < 63 ? 2.0 : 3.0).toList(), proto.getBucketList());
    }

    @Test
    void everyNumberIsCountedOnce() {
        SplittableRandom random = new SplittableRandom(5);
        float[] values = new float[10_000];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian(0, 1e-3);
        }
        HistogramProto proto = Histogram.of(values).toProto();
        double below = Double.NEGATIVE_INFINITY;
        for (int part = 0; part < proto.getBucketCount(); part++) {
            double from = below;
            double to = part == proto.getBucketCount() - 1 ? Double.POSITIVE_INFINITY : proto.getBucketLimit(part);
            long inside = IntStream.range(0, values.length).filter(i -> values[i] >= from && values[i] < to).count();
            assertEquals(inside, proto.getBucket(part), 1, "part " + part + ": a number on a border may be rounded to either side");
            below = to;
        }
        assertEquals(10_000, proto.getBucketList().stream().mapToDouble(Double::doubleValue).sum());
    }

    @Test
    void equalNumbersAreOnePart() {
        HistogramProto proto = Histogram.of(new float[] {0.5f, 0.5f, 0.5f}).toProto();
        assertEquals(List.of(0.5), proto.getBucketLimitList());
        assertEquals(List.of(3.0), proto.getBucketList());
    }

    @Test
    void extremesAreCounted() {
        long[] counts = Histogram.of(new float[] {-Float.MAX_VALUE, 0, Float.MAX_VALUE}).counts();
        assertEquals(3, counts[0] + counts[32] + counts[63]);
        assertArrayEquals(new long[] {2}, Histogram.of(new float[] {0f, -0f}).counts());
        assertTrue(Histogram.of(new float[] {-Float.MAX_VALUE, Float.MIN_VALUE}).isFinite());
    }

    @Test
    void whatIsNoNumberHasNoHistogram() {
        assertFalse(Histogram.of(new float[] {1, Float.NaN, 2}).isFinite());
        assertFalse(Histogram.of(new float[] {1, Float.NEGATIVE_INFINITY}).isFinite());
        assertFalse(Histogram.of(new float[] {Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY}).isFinite());
    }

    @Test
    void theNormIsTheLength() {
        assertEquals(5, Histogram.of(new float[] {3, -4}).norm());
    }
}
