package duet.text;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;

import org.junit.jupiter.api.Test;

class TextTest {
    @Test
    void countsAndShares() {
        assertEquals("60,965,224", Text.count(60965224));
        assertEquals("1 image", Text.count(1, "image"));
        assertEquals("2 images", Text.count(2, "image"));
        assertEquals("91.42 %", Text.percent(0.9142));
    }

    @Test
    void bytesHaveBinaryPrefixes() {
        assertEquals("12 bytes", Text.bytes(12));
        assertEquals("3.00 KiB", Text.bytes(3072));
        assertEquals("233 MiB", Text.bytes(233L << 20));
        assertEquals("1.50 GiB", Text.bytes(3L << 29));
    }

    @Test
    void rates() {
        assertEquals("1,235", Text.rate(1234.5));
        assertEquals("12.3", Text.rate(12.34));
        assertEquals("0.45", Text.rate(0.45));
        assertEquals("0.011", Text.rate(0.0108));
        assertEquals("0.00067", Text.rate(0.00067));
        assertEquals("0.00", Text.rate(0));
    }

    @Test
    void operations() {
        assertEquals("1.45 GFLOP", Text.flop(1_448_000_000));
        assertEquals("3.10 MFLOP", Text.flop(3_100_000));
    }

    @Test
    void times() {
        assertEquals("59 s", Text.duration(Duration.ofMillis(59_400)));
        assertEquals("3 min 04 s", Text.duration(Duration.ofSeconds(184)));
        assertEquals("2 h 05 min", Text.duration(Duration.ofSeconds(7503)));
    }
}
