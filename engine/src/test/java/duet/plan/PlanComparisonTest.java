package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

import duet.device.Layout;
import duet.model.Networks;
import duet.net.Network;
import org.junit.jupiter.api.Test;

class PlanComparisonTest {
    private static final int BATCH = 128;

    private static PlanComparison compare(String name, int devices) {
        Network network = Networks.create(name, 3, 1000);
        return PlanComparison.of(PlanComparison.placements(devices, devices, 1),
                placement -> Planner.plan(network, placement, Mode.TRAINING, BATCH, new StoredImages(256, 256), true, Layout.PLAIN));
    }

    /**
     * Numbers by hand. Halves forward, an image, what the upper device receives: rows of pool1's, conv2's, pool2's and conv3's to conv5's
     * input at the border (that of pool5's goes to the lower one), half of fc6's and fc7's inputs, all scores. Data parallel backward: all
     * gradients.
     */
    @Test
    void whatTravels() {
        Map<String, PlanComparison.Row> rows = compare("alexnet", 2).rows().stream()
                .collect(Collectors.toMap(PlanComparison.Row::placement, row -> row));
        int halves = 5280 + 5184 + 6912 + 3328 + 4992 + 4992 + 4608 + 2048 + 1000;
        assertEquals(4L * BATCH * halves, rows.get("halves").forwardBytes());
        assertEquals(4L * 60_965_224, rows.get("data").backwardBytes());
        assertEquals(0, rows.get("data").forwardBytes());
        assertEquals(0, rows.get("one").backwardBytes());
        assertEquals(1, rows.get("one").busiest());
        assertEquals(0.5, rows.get("towers").busiest(), 1e-3);
        assertEquals(0.527, rows.get("halves").busiest(), 5e-3); // 13 rows are cut into 7 and 6
        assertTrue(rows.get("hybrid").parameterBytes() < rows.get("data").parameterBytes() * 0.55);
    }

    @Test
    void whatCannotBeIsSaid() {
        PlanComparison comparison = compare("zfnet", 2);
        assertEquals(Set.of("towers"), comparison.refused().keySet());
        assertTrue(comparison.lines().getLast().startsWith("not towers: norm1: "), comparison.lines().getLast());
        assertEquals(List.of("one", "halves", "data", "hybrid"), comparison.rows().stream().map(PlanComparison.Row::placement).toList());
    }
}
