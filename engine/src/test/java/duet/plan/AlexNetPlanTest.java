package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Step;
import duet.model.Networks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The numbers of AlexNet that follow from its sizes. */
class AlexNetPlanTest {
    private static final int BATCH = 4;

    static Plan plan(String network, Placement placement, Mode mode) {
        int size = network.equals("alexnet") ? 256 : 28;
        int channels = network.equals("alexnet") ? 3 : 1;
        int classes = network.equals("alexnet") ? 1000 : 10;
        return Planner.plan(Networks.create(network, channels, classes), placement, mode, BATCH, new StoredImages(size, size), true,
                Layout.PLAIN);
    }

    private static Stream<Operation> operations(Plan plan) {
        return plan.streams().stream().flatMap(stream -> stream.steps().stream())
                .flatMap(step -> step instanceof Step.Launch launch ? Stream.of(launch.operation()) : Stream.empty());
    }

    private static long multiplyAdds(Plan plan, Predicate<Operation> which) {
        return operations(plan).filter(which).mapToLong(Operation::flop).sum() / 2 / BATCH;
    }

    private static boolean forward(Operation operation) {
        return operation instanceof Operation.ConvolutionForward || operation instanceof Operation.FullyConnectedForward;
    }

    private static boolean backward(Operation operation) {
        return operation.kind().startsWith("ConvolutionBackward") || operation.kind().startsWith("FullyConnectedBackward");
    }

    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void parameters(Placement placement) {
        Plan plan = plan("alexnet", placement, Mode.TRAINING);
        assertEquals(60_965_224, plan.parameters().stream().mapToInt(Plan.Parameter::elements).sum());
        for (Plan.Parameter parameter : plan.parameters()) {
            assertEquals(parameter.elements(), parameter.parts().stream().mapToLong(part -> part.tensor().elements()).sum(),
                    parameter.name());
        }
    }

    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void floatingPointOperations(Placement placement) {
        Plan plan = plan("alexnet", placement, Mode.TRAINING);
        long forward = multiplyAdds(plan, AlexNetPlanTest::forward);
        long conv1 = 96L * 55 * 55 * 3 * 11 * 11;
        assertEquals(724_406_816, forward);
        assertEquals(2 * forward - conv1, multiplyAdds(plan, AlexNetPlanTest::backward));
        assertEquals(4.136, 2e-9 * (3 * forward - conv1), 0.0005);
    }

    @Test
    void exchangesForAnImage() {
        Plan plan = plan("alexnet", Placement.TWO_TOWERS, Mode.TRAINING);
        for (int device = 0; device < 2; device++) {
            int receiver = device;
            List<Long> copies = plan.streams().stream().filter(stream -> stream.device() == receiver)
                    .flatMap(stream -> stream.steps().stream())
                    .flatMap(step -> step instanceof Step.Copy copy ? Stream.of(copy.to().elements() / BATCH) : Stream.empty()).toList();
            assertEquals(List.of(21_632L, 4_608L, 2_048L, 1_000L, 2_048L, 4_608L, 21_632L), copies);
        }
    }

    @Test
    void parametersOfTheSmallNetwork() {
        Plan plan = plan("alexnet-small", Placement.TWO_TOWERS, Mode.TRAINING);
        assertEquals(1_106_186, plan.parameters().stream().mapToInt(Plan.Parameter::elements).sum());
    }

    @Test
    void smallNetworkDoesAboutTenMillionMultiplyAdds() {
        assertEquals(13.8e6, multiplyAdds(plan("alexnet-small", Placement.ONE_DEVICE, Mode.TRAINING), AlexNetPlanTest::forward), 1e6);
    }
}
