package duet.bench.probe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;

import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The probes' results on the virtual GPU, or with -Dduet.test.devices=cuda:0 on a card. */
@Tag("sim")
class ProbesTest {
    private static final String DEVICE = System.getProperty("duet.test.devices", "virtual:0").split(",")[0];
    private static final boolean VIRTUAL = DEVICE.startsWith("virtual");

    @BeforeEach
    void somethingToAsk() {
        assumeTrue(ProbeCard.built(), "this build has no probes: no nvcc was found");
        assumeTrue(!VIRTUAL || VirtualGpu.problem().isEmpty(), () -> VirtualGpu.problem().orElse(""));
    }

    @AfterEach
    void defaults() {
        if (VIRTUAL) {
            VirtualGpu.configure("");
            VirtualGpu.reset();
        }
    }

    private static List<ObjectNode> ask() {
        List<ObjectNode> answers = new ArrayList<>();
        Probes.ask(DEVICE, answers::add);
        return answers;
    }

    private static ObjectNode accumulation(String settings) {
        VirtualGpu.configure(settings);
        ObjectNode answer = ask().getLast();
        assertEquals("accumulation", answer.path("probe").asText());
        return answer;
    }

    @Test
    void resultsAreRight() {
        List<ObjectNode> answers = ask();
        assertEquals(List.of("copy", "ffma", "ffma-banks", "hmma", "lds", "l2", "accumulation"),
                answers.stream().map(answer -> answer.path("probe").asText()).toList());
        answers.forEach(answer -> assertTrue(answer.path("correct").asBoolean(), answer.toString()));
        if (VIRTUAL) {
            assertEquals("", VirtualGpu.findings());
        }
    }

    @Test
    void theVirtualGpuTellsNoRates() {
        assumeTrue(VIRTUAL, "on a card rates are what is asked for");
        for (ObjectNode answer : ask()) {
            answer.fieldNames()
                    .forEachRemaining(name -> assertFalse(name.matches("(?i).*(cycle|hertz|second|interval|down|across|distinct).*"),
                            answer.toString()));
        }
    }

    @ParameterizedTest
    @CsvSource({"published, towards zero, 24, 8", "exact, nearest, 27, 16"})
    void accumulationIsTold(String mode, String rounding, int bits, int terms) {
        assumeTrue(VIRTUAL, "a card has one way to add, and it is not known beforehand");
        ObjectNode answer = accumulation("accumulation=" + mode);
        assertEquals(rounding, answer.path("rounding").asText(), answer.toString());
        assertEquals(bits, answer.path("bits").asInt(), answer.toString());
        assertEquals(terms, answer.path("terms").asInt(), answer.toString());
    }

    /** Towards zero errors add up, to nearest they cancel. */
    @Test
    void truncationCostsExactness() {
        assumeTrue(VIRTUAL, "a card has one way to add");
        double published = accumulation("accumulation=published").path("relativeError").asDouble();
        double exact = accumulation("accumulation=exact").path("relativeError").asDouble();
        assertTrue(exact > 0 && published > 5 * exact, published + " and " + exact);
    }

    @Test
    void theNextGenerationAddsMoreAtOnce() {
        assumeTrue(VIRTUAL, "a card has one way to add");
        ObjectNode answer = accumulation("compute=90,accumulation=published");
        assertEquals(25, answer.path("bits").asInt(), answer.toString());
        assertEquals(16, answer.path("terms").asInt(), answer.toString());
    }
}
