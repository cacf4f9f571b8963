package duet.bench.probe;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Consumer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * Asks a card for the rates that the static model of kernels assumes. One JSON object a line and probe. The virtual GPU gives right results
 * and no rates.
 */
public final class Probes {
    private static final Map<String, Probe> ALL = all();

    private Probes() {}

    private static Map<String, Probe> all() {
        Map<String, Probe> all = new LinkedHashMap<>();
        all.put("copy", MemoryProbes::copy);
        all.put("ffma", ArithmeticProbes::free);
        all.put("ffma-banks", ArithmeticProbes::banks);
        all.put("hmma", ArithmeticProbes::tensor);
        all.put("lds", MemoryProbes::shared);
        all.put("l2", MemoryProbes::l2);
        all.put("accumulation", AccumulationProbe::ask);
        return all;
    }

    /** @param arguments a device */
    public static void main(String[] arguments) {
        if (arguments.length != 1) {
            System.err.println("usage: Probes DEVICE, such as: Probes cuda:0");
            System.exit(2);
        }
        boolean[] right = {true};
        ObjectMapper json = new ObjectMapper();
        ask(arguments[0], answer -> {
            try {
                System.out.println(json.writeValueAsString(answer)); // at once: the next one might hang
            } catch (JsonProcessingException e) {
                throw new IllegalStateException(e);
            }
            right[0] &= answer.path("correct").asBoolean();
        });
        System.exit(right[0] ? 0 : 1);
    }

    /** All of them, one after the other; one that fails says why and does not cost the others, as far as the device still works. */
    static void ask(String device, Consumer<ObjectNode> answers) {
        try (ProbeCard card = new ProbeCard(device)) {
            ALL.forEach((name, probe) -> {
                ObjectNode answer = new ObjectMapper().createObjectNode().put("probe", name).put("device", card.model());
                try {
                    probe.ask(card, answer);
                    card.forget();
                } catch (IllegalStateException e) {
                    answer.put("correct", false).put("error", e.getMessage());
                }
                answers.accept(answer);
            });
        }
    }
}
