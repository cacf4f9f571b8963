package duet.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.device.VirtualGpu;
import duet.model.Networks;
import duet.net.Layer;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.Recipe;
import duet.train.Trainer;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How well the kernels use memory in a step of AlexNet, counted by the virtual GPU: coalesced access where bytes are what a kernel waits
 * for, no bank conflicts in main loops.
 */
@Tag("sim")
@VirtualOnly("a card does not count")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class KernelCounterTest {
    private static final double LIMIT = 1.1;
    // Not held to the limit of sectors: the first layer's kernels (_image_), which read rows of 33 floats from any address and wait for
    // arithmetic, not for memory; softmax in bf16, whose rows of 2000 bytes begin within a sector; and what does nothing but fc8 on towers,
    // whose weights' rows are such.

    @AfterEach
    void forget() {
        VirtualGpu.reset();
    }

    /** The paper's convolutions; fully connected layers are narrower, because their weights take a test too long. */
    private static Network network() {
        Network paper = Networks.create("alexnet", 3, 1000);
        List<Layer> layers = paper.layers().stream().map(layer -> layer instanceof Layer.FullyConnected f
                ? new Layer.FullyConnected(f.name(), f.name().equals("fc8") ? 1000 : 128, f.bias(), f.initialization()) : layer)
                .map(Layer.class::cast).toList();
        return Network.chain("alexnet-narrow", paper.input(), paper.inputScale(), layers);
    }

    private static Map<String, Map<String, Long>> step(String devices, Precision precision) throws Exception {
        Network network = network();
        Placement placement = devices.contains(",") ? Placement.TWO_TOWERS : Placement.ONE_DEVICE;
        String[] counters = new String[1];
        try (Split data = Datasets.open("synthetic:3x227x227:1000:4", network.input(), 1, DamageReport.STRICT);
                Backend backend = Backends.open(devices, CpuOptions.DEFAULT.withPrecision(precision));
                Trainer trainer = Trainer.create(network, placement, backend, data, Recipe.of("alexnet", 2).toBuilder().steps(1).build())) {
            VirtualGpu.reset();
            trainer.train(new TrainingListener() {
                @Override
                public void step(Metrics metrics) {
                    counters[0] = VirtualGpu.counters();
                    trainer.requestStop();
                }
            });
        }
        assertEquals("", VirtualGpu.findings());
        return new ObjectMapper().readValue(counters[0], new TypeReference<>() {});
    }

    private static double ratio(Map<String, Long> counts, String name) {
        long ideal = counts.get(name + "_ideal");
        return ideal == 0 ? 1 : (double) counts.get(name) / ideal;
    }

    @ParameterizedTest
    @CsvSource({"virtual:0, FP32", "'virtual:0,virtual:1', FP32", "virtual:0, BF16", "'virtual:0,virtual:1', BF16",
            "virtual:0, BF16X3", "'virtual:0,virtual:1', BF16X6"})
    void accessesAreNearTheIdeal(String devices, Precision precision) throws Exception {
        Map<String, Map<String, Long>> kernels = step(devices, precision);
        List<String> rowsWithinSectors = devices.contains(",") ? List.of("softmax_cross_entropy_bf16", "fully_connected_backward_bf16")
                : List.of("softmax_cross_entropy_bf16");
        List<String> excesses = new ArrayList<>();
        kernels.forEach((kernel, counts) -> {
            double sectors = ratio(counts, "global_sectors");
            double mainLoop = ratio(counts, "main_loop_shared_wavefronts");
            if (sectors > LIMIT && !kernel.contains("_image_") && !rowsWithinSectors.contains(kernel)) {
                excesses.add(String.format(Locale.ROOT, "%s: %.2f of the ideal sectors", kernel, sectors));
            }
            if (mainLoop > LIMIT) {
                excesses.add(String.format(Locale.ROOT,
                        "%s: %.2f of the ideal shared-memory wavefronts in its main loop", kernel, mainLoop));
            }
            if (kernel.endsWith("_scalar")) {
                excesses.add(kernel + ": AlexNet's shapes have a kernel with 16-byte accesses for it");
            }
        });
        assertEquals(List.of(), excesses);
        assertTrue(kernels.keySet().stream().anyMatch(kernel -> kernel.startsWith("norm_pool_backward")), kernels.keySet().toString());
        assertTrue(kernels.keySet().stream().filter(kernel -> kernel.startsWith("convolution_")).count() >= 4, kernels.keySet().toString());
    }
}
