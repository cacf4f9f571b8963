package duet.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Operation;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("native")
class KernelsTest {
    @Test
    void everyLayersWorkIsThereOnce() {
        try (Backend backend = Backends.open("cpu", 1)) {
            Map<String, KernelCatalog.Kernel> kernels = KernelCatalog.of("alexnet", 4, backend);
            for (String layer : List.of("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")) {
                for (String work : List.of("forward", "backward-weights", "sgd", "finite-check")) {
                    assertTrue(kernels.containsKey(layer + "." + work), layer + " " + work + " in " + kernels.keySet());
                }
                assertEquals(!layer.equals("conv1"), kernels.containsKey(layer + ".backward-data"),
                        "nobody needs the gradient of the image");
            }
            assertTrue(
                    kernels.keySet()
                            .containsAll(List.of("input.forward", "loss.forward", "dropout6.forward", "pool5.backward", "relu1.backward")),
                    kernels.keySet().toString());
            // 2 x 55 x 55 x 96 x 11 x 11 x 3 multiply-adds an image; images and filters in, maps out, in floats
            KernelCatalog.Kernel conv1 = kernels.get("conv1.forward");
            assertEquals(4 * (2L * 55 * 55 * 96 * 363 + 55 * 55 * 96), conv1.flop(), "with ReLU, which is done in the same kernel");
            assertEquals(4 * (4L * 3 * 227 * 227 + 96 * 363 + 96 + 4L * 96 * 55 * 55), conv1.bytes(), "ReLU reads what is there already");
            assertEquals(5 * 4L * 1000 * 4096, kernels.get("fc8.sgd").bytes(), "three arrays read, two written");
        }
    }

    /** native/cpu/winograd/README.md: 441 multiplications in place of 1521, 3025 in place of 18225, 110224 in place of 366025. */
    @Test
    void winogradsFormHasFewerOperationsOfItsOwn() {
        CpuOptions options = CpuOptions.DEFAULT.withThreads(1).withConvolutions(ConvolutionChoice.WINOGRAD);
        try (Backend backend = Backends.open("cpu", options)) {
            Map<String, KernelCatalog.Kernel> kernels = KernelCatalog.of("alexnet", 4, backend);
            for (KernelCatalog.Kernel kernel : kernels.values()) {
                Operation first = kernel.operations().getFirst();
                long products = !kernel.name().contains(".forward") && !kernel.name().contains(".backward-") ? first.flop()
                        : switch (first.layer()) {
                            case "conv1" -> first.flop() / 366025 * 110224;
                            case "conv2" -> first.flop() / 18225 * 3025;
                            case "conv3", "conv4", "conv5" -> first.flop() / 1521 * 441;
                            default -> first.flop();
                        };
                assertEquals(kernel.flop() - first.flop() + products, kernel.ownFlop(), kernel.name());
            }
        }
    }

    @Test
    void aKernelRunsAlone() {
        try (Backend backend = Backends.open("cpu", 1)) {
            KernelCatalog.of("alexnet-small", 2, backend).values().forEach(kernel -> {
                try (KernelRun run = new KernelRun(kernel, backend)) {
                    run.run();
                }
            });
        }
    }

    @Test
    void theShareIsOfTheNearerRoof() {
        assertEquals(0.5, LimitProfiler.share(100e9, 1e9, 2, 100, 20), 1e-12, "a second of operations in two");
        assertEquals(0.25, LimitProfiler.share(1e9, 10e9, 2, 100, 20), 1e-12, "half a second of bytes in two");
    }

    @Test
    void theReportHasWhatJmhHasMeasured() throws Exception {
        JsonNode jmh = new ObjectMapper().readTree(
                """
                        [{"benchmark": "duet.bench.KernelBenchmark.run", "params": {"batch": "4", "kernel": "conv1.forward",
                          "precision": "fp32", "threads": "1"},
                          "primaryMetric": {"score": 130, "scoreUnit": "ms/op", "scorePercentiles": {"0.0": 100.0, "50.0": 120.0}},
                          "secondaryMetrics": {"FLOP": {"score": 4e9}, "own FLOP": {"score": 1e9}, "bytes": {"score": 1e8},
                           "peak GFLOP/s": {"score": 90}, "limit GFLOP/s": {"score": 90}, "peak GFLOP/s of bf16": {"score": 0},
                           "peak GB/s read": {"score": 10}, "peak GB/s update": {"score": 20}}},
                         {"benchmark": "duet.bench.KernelBenchmark.run", "params": {"batch": "4", "kernel": "norm1.forward",
                          "precision": "fp32", "threads": "1"},
                          "primaryMetric": {"score": 350, "scoreUnit": "ms/op", "scorePercentiles": {"0.0": 300.0}},
                          "secondaryMetrics": {"FLOP": {"score": 2e8}, "own FLOP": {"score": 2e8}, "bytes": {"score": 1e8},
                           "peak GFLOP/s": {"score": 95}, "limit GFLOP/s": {"score": 95}, "peak GFLOP/s of bf16": {"score": 0},
                           "peak GB/s read": {"score": 11}, "peak GB/s update": {"score": 19}}},
                         {"benchmark": "duet.bench.KernelBenchmark.run", "params": {"batch": "4", "kernel": "conv1.forward",
                          "precision": "bf16", "threads": "1"},
                          "primaryMetric": {"score": 70, "scoreUnit": "ms/op", "scorePercentiles": {"0.0": 50.0}},
                          "secondaryMetrics": {"FLOP": {"score": 4e9}, "own FLOP": {"score": 4e9}, "bytes": {"score": 1e8},
                           "peak GFLOP/s": {"score": 90}, "limit GFLOP/s": {"score": 160}, "peak GFLOP/s of bf16": {"score": 160},
                           "peak GB/s read": {"score": 11}, "peak GB/s update": {"score": 19}}},
                         {"benchmark": "duet.bench.CallBenchmark.noArguments", "primaryMetric": {"score": 7.5, "scoreUnit": "ns/op",
                          "scoreError": 0.1}}]
                        """);
        JsonNode result = KernelReport.of(jmh);
        assertEquals("conv1.forward, batch 4, threads 1", result.at("/measurements/0/name").asText());
        assertEquals("GFLOP/s", result.at("/measurements/0/unit").asText());
        assertEquals(40, result.at("/measurements/0/value").asDouble(), 1e-9, "by the shortest time");
        assertEquals(40 / 90.0, result.at("/measurements/0/share").asDouble(), 1e-12);
        assertEquals(0.25, result.at("/measurements/0/ofStep").asDouble(), 1e-12);
        assertEquals(10 / 90.0, result.at("/measurements/0/ownShare").asDouble(), 1e-12);
        assertEquals("GB/s", result.at("/measurements/1/unit").asText(), "two operations a byte: memory limits it");
        assertEquals("conv1.forward, bf16, batch 4, threads 1", result.at("/measurements/2/name").asText());
        assertEquals("conv1.forward, bf16", result.at("/measurements/2/kernel").asText());
        assertEquals(80 / 160.0, result.at("/measurements/2/share").asDouble(), 1e-12, "of what bf16 can do");
        assertEquals(1, result.at("/measurements/2/ofStep").asDouble(), 1e-12, "with kernels of its own precision");
        assertEquals(160, result.at("/peak/bf16Gflops").asDouble());
        assertEquals("ns", result.at("/measurements/3/unit").asText());
        assertEquals(95, result.at("/peak/multiplyAddGflops").asDouble(), "the best probe is the machine's");
        assertEquals(20, result.at("/peak/updateGigabytes").asDouble());
        assertTrue(KernelReport.table(result).contains("| conv1.forward | 100.00 | 25.0 % | 40.0 GFLOP/s | 44 % | 11 % |"),
                KernelReport.table(result));
    }
}
