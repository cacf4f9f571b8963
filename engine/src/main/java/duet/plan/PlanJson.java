package duet.plan;

import java.util.Comparator;
import java.util.Locale;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.plan.PlanSummary.Phase;

/** A plan as JSON: for tools. */
final class PlanJson {
    private static final JsonMapper MAPPER = JsonMapper.builder().build();

    private PlanJson() {}

    static String write(Plan plan) {
        ObjectNode root = summary(plan);
        ArrayNode tensors = root.putArray("tensors");
        plan.regions().keySet().stream().sorted(Comparator.comparingInt(Tensor::id))
                .forEach(tensor -> tensor(tensors.addObject(), tensor, plan.regions().get(tensor)));
        ArrayNode streams = root.putArray("streams");
        for (StreamSteps stream : plan.streams()) {
            ObjectNode node = streams.addObject().put("device", stream.device()).put("kind", lower(stream.kind()));
            ArrayNode steps = node.putArray("steps");
            stream.steps().forEach(step -> step(steps.addObject(), step));
        }
        return line(root);
    }

    /** Without tensors and steps. */
    static String writeSummary(Plan plan) {
        return line(summary(plan));
    }

    private static ObjectNode summary(Plan plan) {
        PlanSummary summary = PlanSummary.of(plan);
        ObjectNode root = MAPPER.createObjectNode();
        root.put("network", plan.network().name()).put("placement", placement(plan.placement())).put("parts", plan.placement().parts())
                .put("rounds", plan.placement().rounds()).put("mode", plan.mode().toString())
                .put("batch", plan.batch());
        ArrayNode layers = root.putArray("layers");
        summary.layers().forEach(row -> layer(layers.addObject(), row));
        ArrayNode devices = root.putArray("devices");
        summary.devices().forEach(memory -> device(devices.addObject(), memory));
        return root;
    }

    private static String line(ObjectNode root) {
        try {
            return MAPPER.writeValueAsString(root) + "\n";
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String placement(Placement placement) {
        return switch (placement) {
            case OneDevice _ -> "one-device";
            case Towers _ -> "two-towers";
            case Halves _,Hybrid _,Replicas _ -> placement.label();
        };
    }

    private static void layer(ObjectNode node, PlanSummary.Row row) {
        node.put("name", row.name());
        node.putArray("output").add(row.output().channels()).add(row.output().height()).add(row.output().width());
        node.put("parameters", row.parameters()).put("where", row.where());
        node.put("forwardFlop", row.flop().getOrDefault(Phase.FORWARD, 0L));
        node.put("backwardFlop", row.flop().getOrDefault(Phase.BACKWARD, 0L));
        node.put("updateFlop", row.flop().getOrDefault(Phase.UPDATE, 0L));
        ArrayNode share = node.putArray("flopOfDevices");
        row.share().forEach(share::add);
        node.put("forwardBytesReceived", row.forwardBytes()).put("backwardBytesReceived", row.backwardBytes());
    }

    private static void device(ObjectNode node, PlanSummary.Memory memory) {
        node.put("persistentBytes", memory.persistentBytes());
        ObjectNode persistent = node.putObject("persistent");
        memory.persistent().forEach((role, bytes) -> persistent.put(lower(role), bytes));
        node.put("transientBytes", memory.transientBytes()).put("transientLowerBound", memory.peak());
        ObjectNode uses = node.putObject("transient");
        memory.uses().forEach((use, bytes) -> uses.put(lower(use), bytes));
        node.put("preparedBytes", memory.preparedBytes()).put("flop", memory.flop()).put("updateFlop", memory.updateFlop())
                .put("forwardBytesReceived", memory.received().getOrDefault(Phase.FORWARD, 0L))
                .put("backwardBytesReceived", memory.received().getOrDefault(Phase.BACKWARD, 0L));
    }

    private static void tensor(ObjectNode node, Tensor tensor, Region region) {
        node.put("id", tensor.id()).put("name", tensor.name()).put("device", tensor.device()).put("format", lower(tensor.format()))
                .put("role", lower(tensor.role()));
        node.putArray("sizes").add(tensor.batch()).add(tensor.channels()).add(tensor.height()).add(tensor.width());
        region(node, region);
    }

    private static void region(ObjectNode node, Region region) {
        node.put("area", lower(region.area())).put("offset", region.offset()).put("bytes", region.bytes());
    }

    private static void step(ObjectNode node, Step step) {
        switch (step) {
            case Step.Launch launch -> {
                node.put("launch", launch.operation().kind()).put("layer", launch.operation().layer());
                launch.operation().reads().forEach(tensor -> node.withArray("reads").add(tensor.id()));
                launch.operation().writes().forEach(tensor -> node.withArray("writes").add(tensor.id()));
                node.put("flop", launch.operation().flop());
                if (!launch.method().isEmpty()) {
                    node.put("method", launch.method());
                }
                if (launch.workspace() != null) {
                    region(node.putObject("workspace"), launch.workspace());
                }
            }
            case Step.Copy copy -> node.put("copy", copy.layer()).put("from", copy.from().id()).put("to", copy.to().id())
                    .put("bytes", copy.to().dataBytes());
            case Step.Record record -> node.put("record", record.event());
            case Step.Wait wait -> node.put("wait", wait.event());
        }
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
