package duet.reference;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;

import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Region;
import duet.device.Region.Area;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import org.junit.jupiter.api.Test;

/** What makes the reference backend a judge of plans: mistakes in regions, events and order show in the numbers. */
class ReferenceBackendTest {
    private static final long BYTES = 4096;

    private final Tensor input = tensor(0, 0, Role.INPUT);
    private final Tensor doubled = tensor(1, 0, Role.TRANSIENT);
    private final Tensor received = tensor(2, 1, Role.TRANSIENT);
    private final Tensor result = tensor(3, 1, Role.OUTPUT);

    private static Tensor tensor(int id, int device, Role role) {
        return new Tensor(id, "t" + id, device, Format.ACTIVATION, role, 1, 4, 1, 1);
    }

    private static Region at(long offset) {
        return new Region(Area.TRANSIENT, offset, 16);
    }

    private static Step twice(Tensor from, Tensor to) {
        return new Step.Launch(new Operation.Scale("scale", from, to, 2), null);
    }

    private static double[] run(Schedule schedule, List<StreamSteps> streams, Map<Tensor, Region> regions, Tensor input, Tensor result) {
        try (ReferenceBackend backend = new ReferenceBackend(2, schedule)) {
            Storage storage = backend.allocate(new long[] {BYTES, BYTES});
            ReferenceProgram program = backend.load(streams, regions, storage, storage);
            program.write(input, new double[] {1, 2, 3, 4});
            program.run(RunParameters.NONE);
            double[] values = new double[4];
            program.read(result, values);
            return values;
        }
    }

    /** Device 0 doubles, its copy stream sends to device 1, which doubles again; two events order the three. */
    private List<StreamSteps> threeStreams() {
        return List.of(
                new StreamSteps(0, Kind.COMPUTE, List.of(twice(input, doubled), new Step.Record(0))),
                new StreamSteps(0, Kind.COPY, List.of(new Step.Wait(0), new Step.Copy("copy", doubled, received), new Step.Record(1))),
                new StreamSteps(1, Kind.COMPUTE, List.of(new Step.Wait(1), twice(received, result))));
    }

    private Map<Tensor, Region> regions() {
        return Map.of(input, at(0), doubled, at(256), received, at(0), result, at(256));
    }

    @Test
    void eventsOrderStreamsUnderEverySchedule() {
        for (Schedule schedule : Schedule.adversarial(1)) {
            assertArrayEquals(new double[] {4, 8, 12, 16}, run(schedule, threeStreams(), regions(), input, result));
        }
    }

    @Test
    void someScheduleNoticesEachMissingWait() {
        for (int stream = 1; stream <= 2; stream++) {
            List<StreamSteps> streams = new ArrayList<>(threeStreams());
            StreamSteps broken = streams.get(stream);
            streams.set(stream, new StreamSteps(broken.device(), broken.kind(), broken.steps().subList(1, broken.steps().size())));
            assertTrue(Schedule.adversarial(1).stream()
                    .anyMatch(schedule -> Double.isNaN(run(schedule, streams, regions(), input, result)[0])), "stream " + stream);
        }
    }

    @Test
    void overlapsShow() {
        List<StreamSteps> one = List.of(new StreamSteps(0, Kind.COMPUTE, List.of(twice(input, doubled))));
        assertArrayEquals(new double[] {2, 4, 6, 8},
                run(Schedule.firstStream(), one, Map.of(input, at(0), doubled, at(256)), input, doubled));
        double[] overlapped = run(Schedule.firstStream(), one, Map.of(input, at(0), doubled, at(0)), input, doubled);
        assertTrue(Double.isNaN(overlapped[0]), "a result that lies where its operand lies, though the operation is not in place");
    }

    @Test
    void scratchDoesNotOutliveARun() {
        List<StreamSteps> nothing = List.of(new StreamSteps(0, Kind.COMPUTE, List.of()));
        Tensor kept = tensor(9, 0, Role.OUTPUT);
        try (ReferenceBackend backend = new ReferenceBackend(1)) {
            Storage storage = backend.allocate(new long[] {BYTES});
            ReferenceProgram program = backend.load(nothing, Map.of(input, at(0), kept, at(256)), storage, storage);
            program.write(input, new double[] {1, 2, 3, 4});
            program.write(kept, new double[] {1, 2, 3, 4});
            program.run(RunParameters.NONE);
            double[] values = new double[4];
            program.read(input, values);
            assertArrayEquals(new double[] {1, 2, 3, 4}, values);
            program.read(kept, values);
            assertTrue(Double.isNaN(values[0]));
        }
    }

    @Test
    void integersMustBeWrittenBeforeTheyAreRead() {
        Tensor logits = tensor(10, 0, Role.INPUT);
        Tensor labels = new Tensor(11, "labels", 0, Format.INTEGERS, Role.INPUT, 1, 1, 1, 1);
        Tensor never = new Tensor(12, "never", 0, Format.INTEGERS, Role.TRANSIENT, 1, 1, 1, 1);
        Tensor losses = new Tensor(13, "losses", 0, Format.ACTIVATION, Role.OUTPUT, 1, 1, 1, 1);
        Tensor ranks = new Tensor(14, "ranks", 0, Format.INTEGERS, Role.OUTPUT, 1, 1, 1, 1);
        Map<Tensor, Region> regions = Map.of(logits, at(0), labels, at(256), never, at(512), losses, at(768), ranks, at(1024));
        assertArrayEquals(new double[] {1, 2, 3, 4},
                run(Schedule.firstStream(), softmax(logits, labels, losses, ranks), regions, logits, logits));
        DeviceException e = assertThrows(DeviceException.class,
                () -> run(Schedule.firstStream(), softmax(logits, never, losses, ranks), regions, logits, logits));
        assertEquals("softmax: SoftmaxCrossEntropy reads never@0 1x1x1x1, parts of which nothing has written.", e.getMessage());
    }

    private static List<StreamSteps> softmax(Tensor logits, Tensor labels, Tensor losses, Tensor ranks) {
        return List.of(new StreamSteps(0, Kind.COMPUTE, List.of(new Step.Launch(
                new Operation.SoftmaxCrossEntropy("softmax", logits, labels, losses, ranks, null, null), null))));
    }

    @Test
    void streamsThatWaitForEachOtherAreNamed() {
        List<StreamSteps> streams = List.of(
                new StreamSteps(0, Kind.COMPUTE, List.of(new Step.Wait(1), new Step.Record(0))),
                new StreamSteps(1, Kind.COMPUTE, List.of(new Step.Wait(0), new Step.Record(1))));
        DeviceException e = assertThrows(DeviceException.class,
                () -> run(Schedule.firstStream(), streams, Map.of(input, at(0)), input, input));
        assertTrue(e.getMessage().startsWith("device 0 compute waits forever"), e.getMessage());
    }

    @Test
    void programsThatCannotRunAreRefused() {
        List<StreamSteps> streams = threeStreams();
        refused(List.of(streams.get(0), streams.get(0)), regions(), "two streams");
        refused(List.of(streams.get(1)), regions(), "no stream records");
        refused(List.of(new StreamSteps(1, Kind.COMPUTE, List.of(twice(input, doubled)))), regions(), "on device 1 uses");
        refused(List.of(new StreamSteps(0, Kind.COMPUTE, List.of(twice(input, doubled)))), Map.of(input, at(0)), "no region");
        refused(List.of(), Map.of(input, at(BYTES)), "does not fit");
        refused(List.of(), Map.of(input, at(4)), "aligned");
        refused(List.of(), Map.of(input, new Region(Area.PERSISTENT, 0, 16)), "PERSISTENT");
        refused(List.of(), Map.of(input, new Region(Area.TRANSIENT, 0, 12)), "needs 16 bytes");
    }

    private static void refused(List<StreamSteps> streams, Map<Tensor, Region> regions, String why) {
        try (ReferenceBackend backend = new ReferenceBackend(2)) {
            Storage storage = backend.allocate(new long[] {BYTES, BYTES});
            String message = assertThrows(IllegalArgumentException.class, () -> backend.load(streams, regions, storage, storage))
                    .getMessage();
            assertTrue(message.contains(why), message);
        }
    }
}
