package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.SplittableRandom;

import duet.device.Precision;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import org.junit.jupiter.api.Test;

/** How tensors lie on CUDA devices in bf16: parameters lose nothing, activations are rounded once. */
class StoredTest {
    private static final int MANY = 1 << 16;

    private static Tensor filter(int elements) {
        return new Tensor(0, "filter", 0, Format.FILTER, Role.PARAMETER, 1, elements, 1, 1);
    }

    private static Tensor map(int elements) {
        return new Tensor(1, "map", 0, Format.ACTIVATION, Role.TRANSIENT, 1, elements, 1, 1);
    }

    @Test
    void onlyInBf16AreTensorsStoredOtherwise() {
        for (Precision precision : Precision.values()) {
            boolean rounds = precision == Precision.BF16;
            assertEquals(rounds ? Stored.PLANES : Stored.PLAIN, Stored.of(filter(3), precision));
            assertEquals(rounds ? Stored.BF16 : Stored.PLAIN, Stored.of(map(3), precision));
            Tensor momentum = new Tensor(2, "momentum", 0, Format.FILTER, Role.MOMENTUM, 1, 3, 1, 1);
            Tensor gradient = new Tensor(3, "gradient", 0, Format.FILTER, Role.TRANSIENT, 1, 3, 1, 1);
            assertEquals(Stored.PLAIN, Stored.of(momentum, precision));
            assertEquals(Stored.PLAIN, Stored.of(gradient, precision));
        }
    }

    /** All upper halves of a float, each with the lower halves at which rounding changes and some others. */
    @Test
    void planesAreTheFloatExactly() {
        SplittableRandom random = new SplittableRandom(1);
        for (int lower : new int[] {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF, random.nextInt(MANY), random.nextInt(MANY)}) {
            float[] values = new float[MANY];
            for (int upper = 0; upper < MANY; upper++) {
                values[upper] = Float.intBitsToFloat(upper << 16 | lower);
            }
            short[] words = Stored.PLANES.encode(filter(MANY), values);
            float[] back = new float[MANY];
            Stored.PLANES.decode(filter(MANY), words, back);
            for (int i = 0; i < MANY; i++) {
                float upper = Float.intBitsToFloat(words[i] << 16);
                if (Float.isNaN(values[i])) {
                    assertTrue(Float.isNaN(back[i]) && Float.isNaN(upper));
                } else {
                    assertEquals(Float.floatToRawIntBits(values[i]), Float.floatToRawIntBits(back[i]));
                    assertTrue(Float.isInfinite(upper) || Math.abs(upper - values[i]) <= Math.ulp(values[i]) * 0x8000);
                }
            }
        }
    }

    @Test
    void mapsAreRoundedToNearestEven() {
        float[] values = {1, 1 + 0x1p-8f, 1 + 0x3p-8f, 1 + 0x1p-8f + 0x1p-20f, -1 - 0x1p-8f, Float.NaN, Float.POSITIVE_INFINITY,
                Float.MAX_VALUE, 0x1p-149f};
        float[] expected = {1, 1, 1 + 0x4p-8f, 1 + 0x1p-7f, -1, Float.NaN, Float.POSITIVE_INFINITY, Float.POSITIVE_INFINITY, 0};
        float[] back = new float[values.length];
        Stored.BF16.decode(map(values.length), Stored.BF16.encode(map(values.length), values), back);
        for (int i = 0; i < values.length; i++) {
            assertEquals(expected[i], back[i]);
        }
    }

    @Test
    void planesBeginAtMultiplesOf16Bytes() {
        for (int elements = 1; elements < 100; elements++) {
            long lower = Stored.lowerPlane(elements);
            assertTrue(lower % 16 == 0 && lower >= 2L * elements && lower < 2L * elements + 16);
            assertEquals(2 * lower, Stored.PLANES.bytes(filter(elements)));
            assertEquals(lower, Stored.PLANES.encode(filter(elements), new float[elements]).length);
        }
    }
}
