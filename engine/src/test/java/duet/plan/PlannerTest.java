package duet.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.Stream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Rounding;
import duet.net.Shape;
import org.junit.jupiter.api.Test;

class PlannerTest {
    private static Network network(int channels, Layer... layers) {
        List<Layer> all = new ArrayList<>(List.of(layers));
        all.add(new Layer.FullyConnected("scores", 3, true, Initialization.PAPER));
        all.add(new Layer.SoftmaxCrossEntropy("loss"));
        return Network.chain("net", new Shape(channels, 8, 8), 1, all);
    }

    private static Layer.Convolution convolution(String name, int filters, int groups) {
        return new Layer.Convolution(name, filters, 3, 1, 1, groups, Rounding.FLOOR, true, Initialization.PAPER);
    }

    private static Plan plan(Network network, Placement placement, Mode mode, boolean dropout) {
        Plan plan = Planner.plan(network, placement, mode, 2, new StoredImages(9, 9), dropout, Layout.PLAIN);
        assertEquals(List.of(), PlanChecker.check(plan));
        return plan;
    }

    private static List<Operation> operations(Plan plan, int device) {
        return plan.streams().stream().filter(stream -> stream.device() == device).flatMap(stream -> stream.steps().stream())
                .flatMap(step -> step instanceof Step.Launch launch ? Stream.of(launch.operation()) : Stream.empty()).toList();
    }

    private static <T extends Operation> List<T> operations(Plan plan, int device, Class<T> kind) {
        return operations(plan, device).stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    private static void assertRefused(String message, Network network) {
        assertEquals(message,
                assertThrows(NetworkException.class, () -> plan(network, Placement.TWO_TOWERS, Mode.TRAINING, true)).getMessage());
        plan(network, Placement.ONE_DEVICE, Mode.TRAINING, true);
    }

    /** The devices' shares of what a layer makes, or the first one's whole; a training gives out nothing. */
    @Test
    void requestedLayersAreOutputs() {
        Network network = network(4, convolution("c", 8, 2));
        StoredImages images = new StoredImages(network.input().height(), network.input().width());
        String scores = network.layers().get(network.layers().size() - 2).name();
        Requests requests = Requests.layers(List.of("c", scores));
        Plan plan = Planner.plan(network, Placement.TWO_TOWERS, Mode.EVALUATION, 4, images, true, requests, Layout.PLAIN);
        assertEquals(List.of(), PlanChecker.check(plan));
        for (int device = 0; device < 2; device++) {
            assertEquals(4, plan.outputs().get(device).layers().get("c").getFirst().tensor().channels());
            assertEquals(device == 0, plan.outputs().get(device).layers().containsKey(scores));
        }
        assertThrows(IllegalArgumentException.class,
                () -> Planner.plan(network, Placement.TWO_TOWERS, Mode.TRAINING, 4, images, true, requests, Layout.PLAIN));
        assertEquals("c: features are projected back on one device, not on 2",
                assertThrows(NetworkException.class, () -> Planner.plan(
                        network, Placement.TWO_TOWERS, Mode.EVALUATION, 4, images, true, Requests.projection("c"), Layout.PLAIN))
                        .getMessage());
    }

    @Test
    void whatTwoTowersCannotShare() {
        assertRefused("c: 2 towers do not divide 255 filters; use one device", network(3, convolution("c", 255, 1)));
        assertRefused("c: 2 towers do not divide 3 groups; use 1 group, an even number of groups, or one device",
                network(3, convolution("c", 6, 3)));
        assertRefused("f: 2 towers do not divide 5 outputs; use one device",
                network(3, new Layer.FullyConnected("f", 5, true, Initialization.PAPER)));
        assertRefused("n: 2 towers do not divide 1 group of normalised channels; use groups 2 or one device",
                network(3, convolution("c", 4, 1), new Layer.LocalResponseNorm("n", 3, 1, 1, 1, 1)));
    }

    @Test
    void anyNumberOfClasses() {
        Plan plan = plan(network(3, convolution("c", 4, 1)), Placement.TWO_TOWERS, Mode.TRAINING, true);
        Plan.Parameter weight = plan.parameters().get(2);
        assertEquals(List.of(0, 2), weight.parts().stream().map(Plan.Part::firstInput).toList());
        assertEquals(List.of(0), plan.parameters().get(3).parts().stream().map(part -> part.tensor().device()).toList());
    }

    /** The image is whole on both devices, so nothing can be cut: device 0 does it all and hands out the scores. */
    @Test
    void scoresOfTheImageItself() {
        Plan plan = plan(network(3), Placement.TWO_TOWERS, Mode.TRAINING, true);
        assertEquals(1, operations(plan, 0, Operation.FullyConnectedForward.class).size());
        assertEquals(0, operations(plan, 1, Operation.FullyConnectedForward.class).size());
        assertEquals(1, operations(plan, 1, Operation.SoftmaxCrossEntropy.class).size());
    }

    @Test
    void oneDeviceNeedsNoEvents() {
        Plan plan = plan(network(3, convolution("c", 4, 1)), Placement.ONE_DEVICE, Mode.TRAINING, true);
        assertEquals(1, plan.streams().size());
        assertTrue(plan.streams().getFirst().steps().stream().allMatch(Step.Launch.class::isInstance));
    }

    @Test
    void groupedLayerOnTheImageTakesItsChannels() {
        Plan plan = plan(network(4, convolution("c", 4, 2)), Placement.TWO_TOWERS, Mode.TRAINING, true);
        for (int device = 0; device < 2; device++) {
            assertEquals(2 * device, operations(plan, device, Operation.Slice.class).getFirst().first());
        }
    }

    /** The weights' gradients and updates of a layer hide the exchange of its input's gradient. */
    @Test
    void updatesRunWhileGradientsTravel() {
        Plan plan = plan(network(3, convolution("a", 4, 1), convolution("b", 4, 1)), Placement.TWO_TOWERS, Mode.TRAINING, true);
        StreamSteps compute = plan.streams().getFirst();
        List<String> kinds = compute.steps().stream()
                .map(step -> step instanceof Step.Launch launch && launch.operation().layer().equals("b")
                        ? launch.operation().kind() : step.getClass().getSimpleName())
                .toList();
        int start = kinds.indexOf("ConvolutionBackwardData");
        assertEquals(
                List.of("ConvolutionBackwardData", "Slice", "Slice", "Record", "ConvolutionBackwardWeights", "SgdUpdate",
                        "SgdUpdate", "Wait", "Wait", "Add"),
                kinds.subList(start, start + 10));
    }

    @Test
    void sumsHaveTheOrderOfTheDevices() {
        Plan plan = plan(network(3, convolution("a", 4, 1), convolution("b", 4, 1)), Placement.TWO_TOWERS, Mode.TRAINING, true);
        for (int device = 0; device < 2; device++) {
            for (Operation.Add add : operations(plan, device, Operation.Add.class)) {
                boolean ownIsLeft = add.left().equals(add.output());
                assertEquals(device == 0, ownIsLeft);
                assertNotEquals(add.left(), add.right());
            }
            assertEquals(2, operations(plan, device, Operation.Add.class).size());
        }
    }

    @Test
    void dropout() {
        for (boolean inverted : new boolean[] {false, true}) {
            Network network = network(3, convolution("c", 4, 1), new Layer.Dropout("d", 0.25, inverted));
            Plan training = plan(network, Placement.TWO_TOWERS, Mode.TRAINING, true);
            for (int device = 0; device < 2; device++) {
                List<Operation.Dropout> masks = operations(training, device, Operation.Dropout.class);
                assertEquals(2, masks.size());
                for (Operation.Dropout mask : masks) {
                    assertEquals(inverted ? 1 / 0.75f : 1, mask.scale());
                    assertEquals(List.of(1, 4, 2 * device), List.of(mask.purpose(), mask.totalChannels(), mask.firstChannel()));
                }
            }
            List<Operation.Scale> scales = operations(plan(network, Placement.TWO_TOWERS, Mode.EVALUATION, true), 0, Operation.Scale.class);
            assertEquals(inverted ? List.of() : List.of(0.75f), scales.stream().map(Operation.Scale::factor).toList());
            for (Mode mode : Mode.values()) {
                assertTrue(operations(plan(network, Placement.TWO_TOWERS, mode, false), 0).stream().noneMatch(o -> o.layer().equals("d")));
            }
        }
    }

    /** tanh needs its output; ReLU only where it is positive. */
    @Test
    void worksInPlaceWhereNothingElseNeedsTheValue() {
        for (Activation function : Activation.values()) {
            for (boolean inverted : new boolean[] {false, true}) {
                Plan plan = plan(
                        network(3, convolution("c", 4, 1), new Layer.Nonlinearity("a", function), new Layer.Dropout("d", 0.5, inverted)),
                        Placement.ONE_DEVICE, Mode.TRAINING, true);
                Operation.ActivationForward activation = operations(plan, 0, Operation.ActivationForward.class).getFirst();
                assertEquals(activation.input(), activation.output());
                Operation.Dropout mask = operations(plan, 0, Operation.Dropout.class).getFirst();
                assertEquals(function == Activation.RELU || !inverted, mask.input().equals(mask.output()));
            }
        }
    }

    /** More than 2 GiB in all may go to several devices. */
    @Test
    void storedImagesOfADeviceAreLimited() {
        Network network = Networks.create("alexnet-small", 3, 10);
        IntFunction<Plan> plan = batch -> Planner.plan(network, Placement.data(2, 2), Mode.EVALUATION, batch, new StoredImages(256, 256),
                true, Layout.PLAIN);
        assertEquals(20_000, plan.apply(20_000).batch());
        assertEquals("input: 12000 stored images of 3x256x256 in a part of the batch are more than 2147483647 bytes; use a smaller batch",
                assertThrows(NetworkException.class, () -> plan.apply(24_000)).getMessage());
    }

    @Test
    void checks() {
        Network network = network(3, convolution("c", 4, 1), new Layer.LocalResponseNorm("n", 3, 1, 1, 1, 2), convolution("e", 4, 2),
                new Layer.Nonlinearity("r", Activation.RELU));
        Plan training = plan(network, Placement.TWO_TOWERS, Mode.TRAINING, true);
        assertEquals(List.of("c", "e", "scores"), training.checkedLayers());
        List<String> order = operations(training, 1).stream().map(o -> o.kind() + " " + o.layer()).toList();
        assertEquals(order.indexOf("ConvolutionForward c") + 1, order.indexOf("FiniteCheck c"));
        assertEquals(order.indexOf("ActivationForward r") + 1, order.indexOf("FiniteCheck e"));
        Plan evaluation = plan(network, Placement.TWO_TOWERS, Mode.EVALUATION, true);
        assertEquals(List.of(), evaluation.checkedLayers());
        assertNull(evaluation.outputs().getFirst().status());
        assertNull(training.outputs().getFirst().probabilities());
        assertFalse(evaluation.outputs().getFirst().probabilities() == null);
    }

    @Test
    void winnersAreRecordedForTheWayBackOnly() {
        Layer pool = new Layer.Pooling("p", Layer.Pooling.Kind.MAX, 2, 2, 0, Rounding.FLOOR);
        Network behind = network(3, convolution("c", 4, 1), pool);
        assertNotEquals(null, pooling(behind, Mode.TRAINING).winners());
        assertNull(pooling(behind, Mode.EVALUATION).winners());
        assertNull(pooling(network(3, pool, convolution("c", 4, 1)), Mode.TRAINING).winners());
    }

    private static Operation.MaxPoolForward pooling(Network network, Mode mode) {
        return operations(plan(network, Placement.ONE_DEVICE, mode, true), 0, Operation.MaxPoolForward.class).getFirst();
    }

    @Test
    void groupsOfFilters() {
        Plan plan = plan(network(4, convolution("c", 8, 4)), Placement.TWO_TOWERS, Mode.TRAINING, true);
        Tensor weight = plan.parameters().getFirst().parts().get(1).tensor();
        assertEquals(List.of(4, 1, 2), List.of(weight.batch(), weight.channels(), weight.groups()));
        assertEquals(List.of(8, 1, 3, 3), plan.parameters().getFirst().sizes());
    }

    @Test
    void batchesThatCannotBe() {
        Network network = network(3, convolution("c", 4, 1));
        StoredImages images = new StoredImages(9, 9);
        for (int batch : new int[] {0, -1, Integer.MAX_VALUE, 10_000_000}) {
            assertThrows(NetworkException.class,
                    () -> Planner.plan(network, Placement.ONE_DEVICE, Mode.TRAINING, batch, images, true, Layout.PLAIN));
        }
        assertThrows(NetworkException.class, () -> new StoredImages(0, 9));
        StoredImages vast = new StoredImages(Integer.MAX_VALUE, Integer.MAX_VALUE);
        assertThrows(NetworkException.class, () -> Planner.plan(network, Placement.ONE_DEVICE, Mode.TRAINING, 1, vast, true, Layout.PLAIN));
    }
}
