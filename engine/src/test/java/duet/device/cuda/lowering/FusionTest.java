package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Precision;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Mode;
import duet.plan.Placement;
import duet.plan.Plan;
import duet.plan.Planner;
import duet.plan.StoredImages;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What becomes one kernel in AlexNet, and that memory is planned for it. */
class FusionTest {
    private static final CudaLayout LAYOUT = new CudaLayout(device -> 132, Precision.FP32);
    private static final CudaLayout ROUNDED = new CudaLayout(device -> 132, Precision.BF16);

    private static Plan plan(Placement placement, Mode mode, Layout layout) {
        return plan(placement, mode, layout, 4);
    }

    private static Plan plan(Placement placement, Mode mode, Layout layout, int batch) {
        Network network = Networks.create("alexnet", 3, 1000);
        return Planner.plan(network, placement, mode, batch, new StoredImages(256, 256), true, layout);
    }

    private static List<Fusion> fusions(Plan plan, int device) {
        return fusions(LAYOUT, plan, device);
    }

    private static List<Fusion> fusions(CudaLayout layout, Plan plan, int device) {
        StreamSteps stream = plan.streams().stream().filter(s -> s.device() == device && s.kind() == StreamSteps.Kind.COMPUTE).findFirst()
                .orElseThrow();
        Map<Tensor, Integer> readers = Fusion.readers(plan.streams());
        return Fusion.plan(layout, stream.steps(), readers,
                (a, b) -> a.device() == b.device() && plan.regions().get(a).overlaps(plan.regions().get(b)));
    }

    private static Fusion of(List<Fusion> fusions, String layer, Class<? extends Operation> kind) {
        return fusions.stream().filter(f -> f != null && kind.isInstance(f.first()) && f.first().layer().equals(layer)).findFirst()
                .orElse(null);
    }

    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void training(Placement placement) {
        for (int device = 0; device < placement.devices(); device++) {
            List<Fusion> fusions = fusions(plan(placement, Mode.TRAINING, LAYOUT), device);
            for (String layer : List.of("conv1", "conv2", "conv3", "conv4", "conv5")) {
                assertNotNull(of(fusions, layer, Operation.ConvolutionForward.class).activation(), layer);
            }
            for (int i = 1; i <= 2; i++) {
                assertNotNull(of(fusions, "norm" + i, Operation.ResponseNormForward.class).pool(), "norm" + i);
                Fusion backward = of(fusions, "pool" + i, Operation.MaxPoolBackward.class);
                assertNotNull(backward.normBackward(), "pool" + i);
                assertNotNull(backward.reluBackward(), "pool" + i);
                assertEquals("pool" + i + " + norm" + i + " + relu" + i, backward.label());
            }
            assertNotNull(of(fusions, "pool5", Operation.MaxPoolBackward.class).reluBackward());
            assertNotNull(of(fusions, "conv5", Operation.ConvolutionBackwardData.class).reluBackward(),
                    "moved up past the gradients of conv5");
            assertNotNull(of(fusions, "conv4", Operation.ConvolutionBackwardData.class).reluBackward());
            // What came from the other device is not the kernel's last word.
            assertEquals(placement.devices() > 1,
                    fusions.stream().filter(Objects::nonNull).anyMatch(f -> f.first() instanceof Operation.ActivationBackward));
        }
    }

    /** On one device nothing reads a tensor again just to scale it, to look for faults in it or to add it to a parameter. */
    @Test
    void epilogues() {
        List<Fusion> fusions = fusions(plan(Placement.ONE_DEVICE, Mode.TRAINING, LAYOUT), 0).stream().filter(Objects::nonNull).toList();
        assertTrue(fusions.stream().noneMatch(f -> f.first() instanceof Operation.SgdUpdate || f.first() instanceof Operation.FiniteCheck));
        for (String layer : List.of("fc7", "fc8")) {
            Fusion backward = of(fusions, layer, Operation.FullyConnectedBackwardData.class);
            assertEquals(List.of(Operation.Dropout.class, Operation.ActivationBackward.class),
                    backward.others().stream().map(Object::getClass).toList());
        }
        for (String layer : List.of("fc6", "fc7")) { // the sums of their splits drop
            Fusion forward = of(fusions, layer, Operation.FullyConnectedForward.class);
            assertEquals(List.of(Operation.ActivationForward.class, Operation.FiniteCheck.class, Operation.Dropout.class),
                    forward.others().stream().map(Object::getClass).toList());
        }
        assertTrue(fusions.stream().noneMatch(f -> f.first() instanceof Operation.Dropout));
    }

    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void evaluation(Placement placement) {
        List<Fusion> fusions = fusions(plan(placement, Mode.EVALUATION, LAYOUT), 0);
        assertNotNull(of(fusions, "norm1", Operation.ResponseNormForward.class).pool());
        assertNotNull(of(fusions, "norm2", Operation.ResponseNormForward.class).pool());
    }

    /** The way back through a fully connected layer, with its update, where nobody waits for a part of it and registers hold the batch. */
    @Test
    void onePassOverTheWeights() {
        Plan plan = plan(Placement.ONE_DEVICE, Mode.TRAINING, ROUNDED, 128);
        assertEquals(List.of("fc8", "fc7", "fc6"), onePass(fusions(ROUNDED, plan, 0)));
        List<Class<?>> parameters = List.of(Operation.FullyConnectedBackwardWeights.class, Operation.SgdUpdate.class,
                Operation.SgdUpdate.class);
        for (String layer : List.of("fc6", "fc7", "fc8")) {
            Fusion all = of(fusions(ROUNDED, plan, 0), layer, Operation.FullyConnectedBackwardData.class);
            List<Class<?>> masks = layer.equals("fc6") ? List.of()
                    : List.of(Operation.Dropout.class, Operation.ActivationBackward.class);
            assertEquals(Stream.concat(masks.stream(), parameters.stream()).toList(),
                    all.others().stream().<Class<?>>map(Object::getClass).toList(), layer);
        }
        assertEquals(List.of(), onePass(fusions(ROUNDED, plan(Placement.ONE_DEVICE, Mode.TRAINING, ROUNDED, 129), 0)), "too many images");
        assertEquals(List.of(), onePass(fusions(LAYOUT, plan(Placement.ONE_DEVICE, Mode.TRAINING, LAYOUT, 128), 0)), "fp32");
        // The other tower waits for the gradients of what fc7 and fc6 saw, but not for those of fc8.
        assertEquals(List.of("fc8"), onePass(fusions(ROUNDED, plan(Placement.TWO_TOWERS, Mode.TRAINING, ROUNDED, 128), 0)));
        assertEquals(List.of(), onePass(fusions(ROUNDED, plan(Placement.data(2, 2), Mode.TRAINING, ROUNDED, 128), 0)),
                "the update waits for the other devices' gradients");
    }

    private static List<String> onePass(List<Fusion> fusions) {
        return fusions.stream().filter(f -> f != null && f.backwardWeights() != null).map(f -> f.first().layer()).toList();
    }

    /** What one kernel does beside norms and pools, one kernel does in bf16, too. */
    @ParameterizedTest
    @MethodSource("duet.plan.Placements#anyBatch")
    void inBf16AsInFp32(Placement placement) {
        for (Mode mode : List.of(Mode.TRAINING, Mode.EVALUATION)) {
            for (int device = 0; device < placement.devices(); device++) {
                assertEquals(labels(fusions(LAYOUT, plan(placement, mode, LAYOUT), device)),
                        labels(fusions(ROUNDED, plan(placement, mode, ROUNDED), device)));
            }
        }
    }

    private static List<String> labels(List<Fusion> fusions) {
        return fusions.stream().filter(Objects::nonNull)
                .filter(f -> f.first() instanceof Operation.ResponseNormForward || f.first() instanceof Operation.MaxPoolBackward)
                .map(Fusion::label).toList();
    }

    /** A plan that was made for another backend may put a result over an operand of the operation before it: then they stay apart. */
    @Test
    void sharedMemoryPreventsFusion() {
        Plan plan = plan(Placement.ONE_DEVICE, Mode.TRAINING, LAYOUT);
        StreamSteps stream = plan.streams().getFirst();
        List<Fusion> fusions = Fusion.plan(LAYOUT, stream.steps(), Fusion.readers(plan.streams()), (a, b) -> true);
        assertTrue(fusions.stream().filter(Objects::nonNull).allMatch(f -> f.pool() == null && f.normBackward() == null));
        assertEquals(operations(stream), fusions.stream().filter(Objects::nonNull).mapToInt(FusionTest::size).sum());
    }

    /** Nothing is lost or done twice. */
    @ParameterizedTest
    @MethodSource("duet.plan.Placements#all")
    void everyOperationOnce(Placement placement) {
        Plan plan = plan(placement, Mode.TRAINING, LAYOUT);
        for (int device = 0; device < placement.devices(); device++) {
            int d = device;
            StreamSteps stream = plan.streams().stream().filter(s -> s.device() == d && s.kind() == StreamSteps.Kind.COMPUTE).findFirst()
                    .orElseThrow();
            assertEquals(operations(stream), fusions(plan, device).stream().filter(Objects::nonNull).mapToInt(FusionTest::size).sum());
        }
    }

    private static int operations(StreamSteps stream) {
        return (int) stream.steps().stream().filter(step -> step instanceof Step.Launch).count();
    }

    private static int size(Fusion f) {
        return 1 + f.others().size();
    }

    /** A tensor between two operations that something else reads must be stored. */
    @Test
    void anotherReaderPreventsFusion() {
        Plan plan = plan(Placement.ONE_DEVICE, Mode.TRAINING, LAYOUT);
        Map<Tensor, Integer> readers = Fusion.readers(plan.streams());
        readers.replaceAll((tensor, count) -> count + 1);
        List<Fusion> fusions = Fusion.plan(LAYOUT, plan.streams().getFirst().steps(), readers, (a, b) -> false);
        assertTrue(fusions.stream().filter(Objects::nonNull).allMatch(f -> f.pool() == null && f.normBackward() == null));
    }
}
