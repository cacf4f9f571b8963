package duet.device.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

import duet.bindings.cpu.DuetCpu;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.parallel.Isolated;

/** Streams, events, transfers and misuse of the CPU devices. What the kernels compute is tested elsewhere. */
@Isolated("the bytes that the process holds are counted")
class CpuBackendTest {
    private final Map<Tensor, Region> regions = new HashMap<>();
    private final long[] used = new long[2];

    /** A tensor of 1 x 2 x 3 x 4 with a place of its own. */
    private Tensor tensor(int id, int device) {
        Tensor tensor = new Tensor(id, "t" + id, device, Tensor.Format.ACTIVATION, Tensor.Role.TRANSIENT, 1, 2, 3, 4);
        regions.put(tensor, new Region(Region.Area.TRANSIENT, used[device], tensor.dataBytes()));
        used[device] += Region.align(tensor.dataBytes());
        return tensor;
    }

    private static Step launch(Operation operation) {
        return new Step.Launch(operation, null);
    }

    private static float[] count(int elements) {
        float[] values = new float[elements];
        for (int i = 0; i < elements; i++) {
            values[i] = i;
        }
        return values;
    }

    /** Two devices pass a value to and fro over copy streams; every hop doubles it. Wrong order would give another number. */
    @Test
    void eventsOrderStreams() {
        int hops = 40;
        List<List<Step>> compute = List.of(new ArrayList<>(), new ArrayList<>());
        List<List<Step>> copy = List.of(new ArrayList<>(), new ArrayList<>());
        Tensor first = tensor(0, 0);
        Tensor value = first;
        int event = 0;
        for (int hop = 1; hop <= hops; hop++) {
            int from = value.device();
            int to = 1 - from;
            Tensor doubled = tensor(2 * hop - 1, from);
            Tensor arrived = tensor(2 * hop, to);
            compute.get(from).add(launch(new Operation.Scale("double", value, doubled, hop % 2 == 0 ? 2f : 0.5f)));
            compute.get(from).add(new Step.Record(event));
            copy.get(to).add(new Step.Wait(event));
            copy.get(to).add(new Step.Copy("hop", doubled, arrived));
            copy.get(to).add(new Step.Record(event + 1));
            compute.get(to).add(new Step.Wait(event + 1));
            event += 2;
            value = arrived;
        }
        List<StreamSteps> streams = new ArrayList<>();
        for (int device = 0; device < 2; device++) {
            streams.add(new StreamSteps(device, StreamSteps.Kind.COMPUTE, compute.get(device)));
            streams.add(new StreamSteps(device, StreamSteps.Kind.COPY, copy.get(device)));
        }
        try (Backend backend = Backends.open("cpu,cpu", 2);
                Storage persistent = backend.allocate(new long[] {0, 0});
                Storage scratch = backend.allocate(used);
                Program program = backend.load(streams, regions, persistent, scratch)) {
            for (int run = 0; run < 200; run++) {
                float[] input = count(24);
                input[0] = run;
                program.write(first, input);
                program.run(RunParameters.NONE);
                float[] output = new float[24];
                program.read(value, output);
                assertArrayEquals(input, output, 0);
            }
        }
    }

    /** A stream that fails must not leave another one waiting for its event for ever. */
    @Test
    void aFailingStreamEndsTheRun() {
        Tensor weight = tensor(0, 0);
        List<StreamSteps> streams = List.of(
                new StreamSteps(0, StreamSteps.Kind.COMPUTE,
                        List.of(launch(new Operation.SgdUpdate("fc", weight, weight, weight, 7)), new Step.Record(0))),
                new StreamSteps(1, StreamSteps.Kind.COMPUTE, List.of(new Step.Wait(0))));
        try (Backend backend = Backends.open("cpu,cpu", 2);
                Storage persistent = backend.allocate(new long[] {0, 0});
                Storage scratch = backend.allocate(used);
                Program program = backend.load(streams, regions, persistent, scratch)) {
            IllegalStateException e = assertThrows(IllegalStateException.class, () -> program.run(RunParameters.NONE));
            assertTrue(e.getMessage().contains("Index 7"), e.getMessage());
        }
    }

    @Test
    void canonicalOrderSurvivesTheRoundTrip() {
        Tensor grouped = new Tensor(1, "w", 0, Tensor.Format.FILTER, Tensor.Role.TRANSIENT, 22, 3, 5, 5, 2);
        Tensor image = tensor(0, 0);
        try (Backend backend = Backends.open("cpu", 1)) {
            regions.put(grouped, new Region(Region.Area.TRANSIENT, 1024, backend.bytes(grouped)));
            try (Storage persistent = backend.allocate(new long[] {0});
                    Storage scratch = backend.allocate(new long[] {1024 + backend.bytes(grouped)});
                    Program program = backend.load(List.of(), regions, persistent, scratch)) {
                for (Tensor tensor : List.of(grouped, image)) {
                    float[] values = count((int) tensor.elements());
                    program.write(tensor, values);
                    float[] back = new float[values.length];
                    program.read(tensor, back);
                    assertArrayEquals(values, back, 0);
                }
            }
        }
    }

    @Test
    void misuseIsAnException() {
        Tensor inside = tensor(0, 0);
        Tensor unknown = new Tensor(9, "elsewhere", 0, Tensor.Format.ACTIVATION, Tensor.Role.TRANSIENT, 1, 2, 3, 4);
        Tensor onOther = tensor(1, 1);
        Backend backend = Backends.open("cpu,cpu", 2);
        Storage persistent = backend.allocate(new long[] {0, 0});
        Storage scratch = backend.allocate(used);
        Program program = backend.load(List.of(), regions, persistent, scratch);
        assertThrows(IllegalArgumentException.class, () -> program.write(inside, new float[23]));
        assertThrows(IllegalArgumentException.class, () -> program.read(unknown, new float[24]));
        assertThrows(IllegalArgumentException.class, () -> backend.allocate(new long[] {1}));
        List<StreamSteps> wrongDevice = List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE,
                List.of(launch(new Operation.Scale("s", onOther, onOther, 2)))));
        IllegalArgumentException wrong = assertThrows(IllegalArgumentException.class,
                () -> backend.load(wrongDevice, regions, persistent, scratch));
        assertTrue(wrong.getMessage().contains("device 1"), wrong.getMessage());
        try (Storage tooSmall = backend.allocate(new long[] {64, 64})) {
            List<StreamSteps> outside = List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE,
                    List.of(launch(new Operation.Scale("s", inside, inside, 2)))));
            assertThrows(IllegalArgumentException.class, () -> backend.load(outside, regions, persistent, tooSmall));
        }
        scratch.close();
        assertThrows(IllegalStateException.class, () -> program.run(RunParameters.NONE));
        backend.close();
        assertThrows(IllegalStateException.class, () -> program.write(inside, new float[24]));
        assertThrows(IllegalStateException.class, () -> backend.allocate(new long[] {0, 0}));
        backend.close();
    }

    @Test
    void twoThreadsAtOnceAreRefused() throws InterruptedException {
        Tensor value = tensor(0, 0);
        AtomicReference<Throwable> seen = new AtomicReference<>();
        try (Backend backend = Backends.open("cpu", 1);
                Storage persistent = backend.allocate(new long[] {0});
                Storage scratch = backend.allocate(new long[] {used[0]});
                Program program = backend.load(List.of(), regions, persistent, scratch)) {
            ((CpuBackend) backend).exclusively(() -> {
                Thread other = new Thread(() -> {
                    try {
                        program.write(value, new float[24]);
                    } catch (IllegalStateException e) {
                        seen.set(e);
                    }
                });
                other.start();
                try {
                    other.join();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            });
        }
        assertTrue(seen.get() != null && seen.get().getMessage().contains("another thread"), String.valueOf(seen.get()));
    }

    @Test
    void memoryGoesBack() {
        long before = DuetCpu.duet_allocated();
        for (int round = 0; round < 100; round++) {
            Backend backend = Backends.open("cpu,cpu", 2);
            backend.allocate(new long[] {1 << 20, 1 << 20});
            backend.close();
        }
        assertEquals(before, DuetCpu.duet_allocated());
    }

    @Test
    void whatCannotBeHadIsSaid() {
        for (String names : List.of("gpu", "", "cpu,", "cpu" + ",cpu".repeat(64), "cuda", "cpu,virtual:0", "cuda:0,virtual:0")) {
            DeviceException e = assertThrows(DeviceException.class, () -> Backends.open(names, 0).close());
            assertTrue(e.getMessage().contains("device"), e.getMessage());
        }
        assertThrows(DeviceException.class, () -> Backends.open("cpu", -1).close());
        try (Backend backend = Backends.open("cpu", 1)) {
            DeviceException e = assertThrows(DeviceException.class, () -> backend.allocate(new long[] {1L << 60}));
            assertTrue(e.getMessage().contains("--batch"), e.getMessage());
        }
    }
}
