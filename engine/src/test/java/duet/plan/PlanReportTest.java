package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.device.Layout;
import duet.device.StreamSteps;
import duet.model.Networks;
import duet.text.Text;
import org.junit.jupiter.api.Test;

class PlanReportTest {
    private static final Plan TOWERS = AlexNetPlanTest.plan("alexnet", Placement.TWO_TOWERS, Mode.TRAINING);

    @Test
    void text() {
        String text = PlanReport.toText(TOWERS);
        assertTrue(text.contains("parameters   60,965,224"), text);
        assertTrue(text.contains("an image     1.45 GFLOP forward, 2.69 GFLOP backward, 4.14 GFLOP in all (layers with parameters)"), text);
        assertTrue(text.contains("a step       each device receives 458 KiB forward, 442 KiB backward"), text);
        assertTrue(text.lines().anyMatch(line -> line.startsWith("conv3") && line.contains("84.5 KiB") && line.endsWith("gathers")), text);
        for (StreamSteps stream : TOWERS.streams()) {
            assertTrue(text.contains("\n" + stream.label() + "\n   0  "), stream.label());
        }
        long steps = TOWERS.streams().stream().mapToLong(stream -> stream.steps().size()).sum();
        assertEquals(steps, text.lines().filter(line -> line.matches(" {0,3}\\d+  \\S.*")).count());
    }

    @Test
    void oneDeviceExchangesNothing() {
        String text = PlanReport.toText(AlexNetPlanTest.plan("alexnet-small", Placement.ONE_DEVICE, Mode.EVALUATION));
        assertFalse(text.contains("a step "), text);
        assertTrue(text.contains("27.55 MFLOP forward (layers"), text);
    }

    /** Of many devices one, and of many steps alike two. What a step receives is the most of any device, not the sum of layers. */
    @Test
    void manyDevices() {
        Plan plan = Planner.plan(Networks.create("alexnet", 3, 1000), Placement.data(32, 32), Mode.TRAINING, 32,
                new StoredImages(256, 256), true, Layout.PLAIN);
        String text = PlanReport.toText(plan);
        assertTrue(text.lines().count() < 800, () -> text.lines().count() + " lines");
        assertEquals(1, text.lines().filter(line -> line.matches("device \\d+ .*; none of the other 31 takes more")).count(), text);
        String device = text.lines().filter(line -> line.endsWith(" takes more")).findFirst().orElseThrow().replaceAll("(\\d) .*", "$1");
        assertEquals(Set.of(device + " compute", device + " copy"),
                text.lines().filter(line -> line.matches("device \\d+ (compute|copy)")).collect(Collectors.toSet()));
        assertTrue(text.contains("\n      29 more like it\n"), text);
        long most = RankTraffic.of(plan, 1).received();
        assertTrue(text.contains("a step       each device receives up to " + Text.bytes(most) + " backward\n"), text);
        PlanSummary summary = PlanSummary.of(plan);
        assertTrue(summary.layers().stream().mapToLong(PlanSummary.Row::backwardBytes).sum() > most);
    }

    @Test
    void json() throws Exception {
        JsonNode root = JsonMapper.builder().build().readTree(PlanReport.toJson(TOWERS));
        assertEquals("alexnet", root.get("network").textValue());
        assertEquals("two-towers", root.get("placement").textValue());
        long parameters = 0;
        long received = 0;
        for (JsonNode layer : root.get("layers")) {
            parameters += layer.get("parameters").longValue();
            received += layer.get("forwardBytesReceived").longValue();
        }
        for (JsonNode layer : root.get("layers")) {
            long all = layer.get("forwardFlop").longValue() + layer.get("backwardFlop").longValue() + layer.get("updateFlop").longValue();
            assertEquals(all, layer.at("/flopOfDevices/0").longValue() + layer.at("/flopOfDevices/1").longValue(), layer::toString);
        }
        JsonNode summary = JsonMapper.builder().build().readTree(PlanReport.toSummaryJson(TOWERS));
        assertEquals(root.get("layers"), summary.get("layers"));
        assertEquals(root.get("devices"), summary.get("devices"));
        assertFalse(summary.has("tensors") || summary.has("streams"));
        assertEquals(60_965_224, parameters);
        assertEquals(4L * 4 * 29_288, received);
        assertEquals(TOWERS.regions().size(), root.get("tensors").size());
        for (int i = 0; i < TOWERS.streams().size(); i++) {
            assertEquals(TOWERS.streams().get(i).steps().size(), root.get("streams").get(i).get("steps").size());
        }
        assertEquals(TOWERS.transientBytes().get(1), root.get("devices").get(1).get("transientBytes").longValue());
    }

    /** 8 layers and the loss forward, the image too, 8 layers backward; and 7 copies, on each device. */
    @Test
    void dot() {
        String dot = PlanReport.toDot(TOWERS);
        Matcher node = Pattern.compile("(\"[^\"]+\") \\[label=<").matcher(dot);
        Set<String> nodes = new HashSet<>();
        while (node.find()) {
            assertTrue(nodes.add(node.group(1)), node.group(1));
        }
        assertEquals(2 * (10 + 8 + 7), nodes.size());
        Matcher edge = Pattern.compile("(\"[^\"]+\") -> (\"[^\"]+\")").matcher(dot);
        int edges = 0;
        while (edge.find()) {
            assertTrue(nodes.contains(edge.group(1)) && nodes.contains(edge.group(2)), edge.group());
            edges++;
        }
        assertEquals(2 * (17 + 2 * 7), edges);
        assertEquals(dot.chars().filter(c -> c == '{').count(), dot.chars().filter(c -> c == '}').count());
    }

    /** Three layers, nine modules, two auxiliary classifiers and the scores, forward and back; the image and the loss. */
    @Test
    void modulesAreDrawnAsOne() {
        String dot = PlanReport.toDot(AlexNetPlanTest.plan("googlenet", Placement.ONE_DEVICE, Mode.TRAINING));
        assertEquals(2 * (3 + 9 + 2 + 1) + 2, dot.lines().filter(line -> line.contains("[label=<")).count());
        assertTrue(dot.contains("<b>inception-4e</b>"), dot);
        assertTrue(dot.lines().noneMatch(line -> line.contains("inception-4e-3x3-reduce")), dot);
    }

    @Test
    void equalPlansHaveEqualReports() {
        Plan again = AlexNetPlanTest.plan("alexnet", Placement.TWO_TOWERS, Mode.TRAINING);
        assertEquals(TOWERS, again);
        assertEquals(PlanReport.toText(TOWERS), PlanReport.toText(again));
        assertEquals(PlanReport.toJson(TOWERS), PlanReport.toJson(again));
        assertEquals(PlanReport.toDot(TOWERS), PlanReport.toDot(again));
    }
}
