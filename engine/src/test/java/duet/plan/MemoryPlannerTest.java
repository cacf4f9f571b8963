package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.stream.Collectors;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Region;
import duet.device.Step;
import duet.device.Tensor;
import duet.model.Networks;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.converter.ConvertWith;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MemoryPlannerTest {
    /** Layouts that add padding, and workspaces for convolutions. */
    static final Layout PADDED = new Layout() {
        @Override
        public long bytes(Tensor tensor) {
            return tensor.dataBytes() + 4L * tensor.id();
        }

        @Override
        public long workspaceBytes(Operation operation, int device) {
            return operation.kind().startsWith("Convolution") ? 1_000_001 + device : 0;
        }
    };

    private static Plan plan(String network, @ConvertWith(Placements.Named.class) Placement placement, Mode mode, int batch,
            Layout layout) {
        boolean small = network.equals("alexnet-small");
        return Planner.plan(Networks.create(network, 3, small ? 10 : 1000), placement, mode, batch,
                new StoredImages(small ? 32 : 256, small ? 32 : 256), true, layout);
    }

    /** No arrangement can be below the peak of live bytes. */
    @ParameterizedTest
    @CsvSource({
            "alexnet, ONE_DEVICE, TRAINING, 128", "alexnet, ONE_DEVICE, EVALUATION, 128", "alexnet, TWO_TOWERS, TRAINING, 128",
            "alexnet, TWO_TOWERS, EVALUATION, 128", "alexnet, TWO_TOWERS, TRAINING, 8", "alexnet-small, TWO_TOWERS, TRAINING, 128",
            "alexnet-small, ONE_DEVICE, TRAINING, 128", "alexnet, HALVES, TRAINING, 128",
    })
    void closeToTheLowerBound(String network, @ConvertWith(Placements.Named.class) Placement placement, Mode mode, int batch) {
        for (Layout layout : new Layout[] {Layout.PLAIN, PADDED}) {
            Plan plan = plan(network, placement, mode, batch, layout);
            Liveness liveness = Liveness.of(plan.streams(), layout::bytes,
                    point -> plan.streams().get(point.stream()).steps().get(point.step()) instanceof Step.Launch launch
                            && launch.workspace() != null
                                    ? launch.workspace().bytes() : 0,
                    layout::fuses);
            for (int device = 0; device < placement.devices(); device++) {
                long peak = liveness.peak(device);
                long used = plan.transientBytes().get(device);
                double excess = (double) used / peak - 1;
                assertTrue(excess >= 0 && excess <= 0.02, used + " bytes, the lower bound is " + peak);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"alexnet", "alexnet-small"})
    void persistentTensorsLieAlikeInBothModes(String network) {
        for (Placement placement : Placements.ANY_BATCH) {
            Plan training = plan(network, placement, Mode.TRAINING, 8, PADDED);
            Plan evaluation = plan(network, placement, Mode.EVALUATION, 100, PADDED);
            assertEquals(training.parameters(), evaluation.parameters());
            assertEquals(persistent(training), persistent(evaluation));
            assertEquals(training.persistentBytes(), evaluation.persistentBytes());
            long tensors = training.parameters().stream().flatMap(parameter -> parameter.parts().stream()).count() * 2
                    + placement.devices();
            assertEquals(tensors, persistent(training).size());
        }
    }

    private static Map<Tensor, Region> persistent(Plan plan) {
        return plan.regions().entrySet().stream().filter(entry -> entry.getKey().role().persistent())
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    }
}
