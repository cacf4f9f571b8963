package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import duet.device.Philox;
import org.junit.jupiter.api.Test;

/** Philox against the known answers that its authors published with Random123 (kat_vectors, philox4x32 10). */
class PhiloxTest {
    @Test
    void zeros() {
        assertBlock(new int[] {0, 0, 0, 0}, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    }

    @Test
    void ones() {
        assertBlock(new int[] {-1, -1, -1, -1}, -1, -1, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    }

    @Test
    void digitsOfPi() {
        assertBlock(new int[] {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0xa4093822, 0x299f31d0,
                0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
    }

    private static void assertBlock(int[] counter, int key0, int key1, int... expected) {
        assertArrayEquals(expected, Philox.block(counter[0], counter[1], counter[2], counter[3], key0, key1));
    }

    /** Which words of counter and key seed, purpose, step and element become. */
    @Test
    void bitsAreOneWordOfABlock() {
        long seed = 0x0123456789abcdefL;
        long step = 0x1122334455667788L;
        long element = 0x3_1234_5678_9abcL;
        long block = element >>> 2;
        int[] expected = Philox.block((int) block, 0xF00D ^ (int) (block >>> 32) << 16, 0x55667788, 0x11223344, 0x89abcdef, 0x01234567);
        for (int i = 0; i < 4; i++) {
            assertEquals(expected[i], Philox.bits(seed, 0xF00D, step, (element & ~3) + i), "word " + i);
        }
    }

    @Test
    void dropoutThreshold() {
        assertEquals(0, Philox.threshold(0));
        assertEquals(0x80000000, Philox.threshold(0.5f));
        assertEquals(0xFFFFFFFF, Philox.threshold(1));
    }
}
