package duet.train.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.plan.Placement;
import org.junit.jupiter.api.Test;

class PartsTest {
    @Test
    void thoseOfPlacements() {
        assertNull(Parts.of(Placement.ONE_DEVICE));
        assertNull(Parts.of(Placement.TWO_TOWERS));
        assertEquals(new Parts("data", 4, 1, null), Parts.of(Placement.data(2, 4)));
        assertEquals(new Parts("hybrid", 4, 2, null), Parts.of(Placement.hybrid(2, 4, 2)));
        assertEquals(new Parts("data,towers", 4, 1, null), Parts.of(Placement.data(Placement.TWO_TOWERS, 2, 4)));
        Parts grouped = Parts.of(Placement.data(Placement.hybrid(3, 3, 2), 2, 4));
        assertEquals(new Parts("data,hybrid", 4, 2, 3), grouped);
        assertEquals("4 parts of data,hybrid in groups of 3 in 2 rounds", grouped.words());
    }

    @Test
    void theirPlacements() {
        for (Placement placement : List.of(Placement.data(2, 4), Placement.hybrid(2, 4, 2), Placement.data(Placement.TWO_TOWERS, 2, 4),
                Placement.data(Placement.HALVES, 2, 2), Placement.data(Placement.hybrid(3, 3, 2), 2, 4))) {
            Parts parts = Parts.of(placement);
            assertEquals(placement, parts.on(2));
            assertEquals(placement.group().equals(placement) ? 1 : placement.group().devices(), parts.devicesOfGroup());
            assertEquals(6, parts.in(6).parts());
            assertEquals(parts, parts.in(6).in(parts.parts()));
        }
    }

    /** Aligned runs of parts: one device, or all blocks of a power of two on devices of their own, each cut into as many. */
    @Test
    void whereTheyGo() {
        for (int parts = 1; parts <= 96; parts++) {
            for (int devices = 1; devices <= 96; devices++) {
                boolean aligned = parts % devices == 0 && devices / Integer.lowestOneBit(devices) == parts / Integer.lowestOneBit(parts);
                assertEquals(devices == 1 || aligned, Placement.goesOn(devices, parts), parts + " parts on " + devices);
            }
        }
        assertTrue(Placement.goesOn(1 << 30, 1 << 30));
    }

    /** Of a damaged checkpoint. */
    @Test
    void whatMakesNoSense() {
        assertEquals("parts are those of data, data,halves, data,hybrid, data,towers, hybrid, not of foo",
                assertThrows(IllegalArgumentException.class, () -> new Parts("foo", 1, 1, null)).getMessage());
        assertThrows(IllegalArgumentException.class, () -> new Parts("data", 0, 1, null));
        assertThrows(IllegalArgumentException.class, () -> new Parts("hybrid", 1, 0, null));
        assertThrows(IllegalArgumentException.class, () -> new Parts("data,hybrid", 1, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Parts("data,hybrid", 1, 1, null));
        assertThrows(IllegalArgumentException.class, () -> new Parts("data,towers", 1, 1, 2));
    }

    /** What has no groups is written as before there were any. */
    @Test
    void writtenWithoutAGroupWhereThereIsNone() throws JsonProcessingException {
        JsonMapper json = new JsonMapper();
        assertFalse(json.writeValueAsString(new Parts("data", 4, 1, null)).contains("group"));
        assertTrue(json.writeValueAsString(new Parts("data,hybrid", 4, 1, 2)).contains("\"group\":2"));
    }
}
