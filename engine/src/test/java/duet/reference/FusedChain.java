package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.DynamicTest;

/**
 * Neighbouring operations, some of which one kernel may do, what the host fills, and what comes out of the last ones.
 *
 * @param kernel one that does several of them; null for any
 * @param shared whether all have the same workspace, so that no partial sums may wait there: the kernel must then not be used
 */
record FusedChain(String name, List<Operation> operations, Map<Tensor, float[]> operands, List<Tensor> results, Precision precision,
        String kernel, boolean shared) {
    private static final RunParameters PARAMETERS = new RunParameters(7, 3, new float[] {0.25f, 0.5f}, new float[] {0.125f, 0}, 0.9f);

    FusedChain(String name, List<Operation> operations, Map<Tensor, float[]> operands, List<Tensor> results, Precision precision,
            String kernel) {
        this(name, operations, operands, results, precision, kernel, false);
    }

    static DynamicTest test(FusedChain chain) {
        return DynamicTest.dynamicTest(chain.name(), () -> {
            Map<Tensor, float[]> apart = run(chain, false);
            VirtualGpu.reset();
            Map<Tensor, float[]> together = run(chain, true);
            if (chain.kernel() != null) {
                assertEquals(!chain.shared(), VirtualGpu.counters().contains(chain.kernel()), chain.name());
            }
            apart.forEach((tensor, values) -> assertArrayEquals(values, together.get(tensor), chain.name() + ": " + tensor));
            assertEquals("", VirtualGpu.findings());
        });
    }

    static float[] draw(RandomGenerator random, Tensor tensor) {
        float[] values = new float[(int) tensor.elements()];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static Map<Tensor, float[]> run(FusedChain chain, boolean fused) {
        System.setProperty("duet.cuda.fusion", fused ? "on" : "off");
        try (Backend backend = Backends.open("virtual:0", CpuOptions.DEFAULT.withPrecision(chain.precision()))) {
            Map<Tensor, Region> regions = new HashMap<>();
            List<Step> steps = new ArrayList<>();
            long[] used = {0};
            for (Operation operation : chain.operations()) {
                Stream.concat(operation.reads().stream(), operation.writes().stream())
                        .forEach(tensor -> regions.computeIfAbsent(tensor, x -> place(used, backend.bytes(x))));
            }
            long most = chain.operations().stream().mapToLong(operation -> backend.workspaceBytes(operation, 0)).max().orElse(0);
            Region one = place(used, most);
            for (Operation operation : chain.operations()) {
                long workspace = backend.workspaceBytes(operation, 0);
                steps.add(new Step.Launch(operation, workspace == 0 ? null : chain.shared() ? one : place(used, workspace)));
            }
            try (Storage storage = backend.allocateScratch(new long[] {used[0]});
                    Program program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps)), regions, storage,
                            storage)) {
                chain.operands().forEach(program::write);
                program.run(PARAMETERS);
                Map<Tensor, float[]> results = new HashMap<>();
                for (Tensor tensor : chain.results()) {
                    results.put(tensor, new float[(int) tensor.elements()]);
                    program.read(tensor, results.get(tensor));
                }
                return results;
            }
        } finally {
            System.clearProperty("duet.cuda.fusion");
        }
    }

    private static Region place(long[] used, long bytes) {
        Region region = new Region(Region.Area.TRANSIENT, used[0], bytes);
        used[0] = Region.align(region.end());
        return region;
    }
}
