package duet.device.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualOnly;
import duet.bindings.KernelCode;
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
import duet.device.VirtualGpu;
import duet.text.Text;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.ResourceLock;

/** What goes wrong while devices work: each is one sentence that names the call, the kernel and the layer, and the JVM lives on. */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class CudaFailureTest {
    private static final int ELEMENTS = 1000;
    private static final Tensor TENSOR = new Tensor(1, "values", 0, Tensor.Format.ACTIVATION, Tensor.Role.TRANSIENT, 1, ELEMENTS, 1, 1);
    private static final Region REGION = new Region(Region.Area.TRANSIENT, 0, 4 * ELEMENTS);

    @TempDir
    Path folder;

    @BeforeEach
    @AfterEach
    void defaults() {
        System.clearProperty("duet.ptx");
        TestDevices.configure("");
        TestDevices.reset();
    }

    /** Doubles the values; each use closes what it opens. */
    private static float[] run(Backend backend) {
        Storage storage = backend.allocate(new long[] {4096});
        List<Step> steps = List.of(new Step.Launch(new Operation.Scale("twice", TENSOR, TENSOR, 2), null));
        Program program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps)), Map.of(TENSOR, REGION), storage,
                storage);
        float[] values = new float[ELEMENTS];
        for (int i = 0; i < ELEMENTS; i++) {
            values[i] = i;
        }
        program.write(TENSOR, values);
        program.run(RunParameters.NONE);
        program.read(TENSOR, values);
        return values;
    }

    private static void requireWorks() {
        try (Backend backend = Backends.open(TestDevices.one(), 0)) {
            float[] values = run(backend);
            assertEquals(2 * 999, values[999]);
        }
        TestDevices.requireClean("findings");
    }

    /** The kernels with a change in the module of Scale's kernel. */
    private void mutate(String from, String to) throws Exception {
        Map<String, String> modules = KernelCode.load().modules();
        String wanted = modules.keySet().stream().filter(name -> name.endsWith("elementwise")).findFirst().orElseThrow();
        for (Map.Entry<String, String> module : modules.entrySet()) {
            boolean changed = module.getKey().equals(wanted);
            assertTrue(!changed || module.getValue().contains(from), from);
            Files.writeString(folder.resolve(module.getKey() + ".ptx"), changed ? module.getValue().replace(from, to) : module.getValue());
        }
        Files.writeString(folder.resolve("modules.txt"), String.join("\n", modules.keySet()));
        System.setProperty("duet.ptx", folder.toString());
    }

    @Test
    void works() {
        requireWorks();
    }

    @Test
    void outOfMemory() {
        TestDevices.configure("memory=1000000");
        long tooMuch = TestDevices.virtual() ? 2_000_000 : 1L << 50;
        try (Backend backend = Backends.open(TestDevices.one(), 0)) {
            DeviceException e = assertThrows(DeviceException.class, () -> backend.allocate(new long[] {tooMuch}));
            assertTrue(e.getMessage().contains("allocating " + Text.bytes(tooMuch)) && e.getMessage().contains("CUDA_ERROR_OUT_OF_MEMORY")
                    && e.getMessage().contains("--batch"), e.getMessage());
            backend.allocate(new long[] {500_000}).close(); // not a lost context
        }
        TestDevices.requireClean("findings");
    }

    @Test
    void refusedKernels() throws Exception {
        mutate(".visible .entry", "nonsense\n.visible .entry");
        try (Backend backend = Backends.open(TestDevices.one(), 0)) {
            DeviceException e = assertThrows(DeviceException.class, () -> run(backend));
            assertTrue(e.getMessage().contains("elementwise.ptx") && e.getMessage().contains("nonsense"), e.getMessage());
        }
    }

    /** The kernel writes far outside: the context is lost, the backend says so from then on, and the next one works. */
    @Test
    void aFaultingKernel() throws Exception {
        mutate("ret;", "mov.u64 %rd1, 4096;\n st.global.f32 [%rd1], 0f00000000;\n ret;");
        Backend backend = Backends.open(TestDevices.one(), 0);
        DeviceException e = assertThrows(DeviceException.class, () -> run(backend));
        assertTrue(e.getMessage().contains("CUDA_ERROR_ILLEGAL_ADDRESS"), e.getMessage());
        // A card's driver does not say which kernel it was; then the message says how to learn it.
        assertTrue(e.getMessage().contains(TestDevices.virtual() ? "elementwise_scale" : "DUET_CUDA_LAUNCH=each"), e.getMessage());
        IllegalStateException later = assertThrows(IllegalStateException.class, () -> backend.allocate(new long[] {4096}));
        assertTrue(later.getMessage().contains("has failed") && later.getMessage().contains("ILLEGAL_ADDRESS"), later.getMessage());
        backend.close();
        defaults();
        requireWorks();
    }

    @Test
    @VirtualOnly("a card's driver cannot be told to fail")
    void eachDriverCallMayFail() {
        for (String function : List.of("cuMemAlloc_v2", "cuMemHostAlloc", "cuModuleLoadDataEx", "cuModuleGetFunction", "cuEventCreate",
                "cuStreamBeginCapture_v2", "cuLaunchKernel", "cuGraphInstantiateWithFlags", "cuGraphLaunch",
                "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuStreamSynchronize", "cuEventRecord")) {
            try (Backend backend = Backends.open(TestDevices.one(), 0)) {
                TestDevices.configure("fail-call=" + function + ":1:999");
                DeviceException e = assertThrows(DeviceException.class, () -> run(backend), function);
                String name = function.replaceFirst("_v\\d$", "").replace("WithFlags", "");
                assertTrue(e.getMessage().contains(name) && e.getMessage().contains("CUDA_ERROR_UNKNOWN"), e.getMessage());
            }
            assertFalse(VirtualGpu.findings().contains("leak"), () -> function + ": " + VirtualGpu.findings());
            TestDevices.configure("");
            TestDevices.reset();
            requireWorks();
        }
    }

    /** Of the three streams of a device none is lost if a later one cannot be made. */
    @Test
    @VirtualOnly("a card's driver cannot be told to fail")
    void eachStreamMayFail() {
        for (int stream = 1; stream <= 6; stream++) {
            TestDevices.configure("fail-call=cuStreamCreate:" + stream + ":999");
            DeviceException e = assertThrows(DeviceException.class, () -> Backends.open(TestDevices.two(), 0));
            assertTrue(e.getMessage().contains("cuStreamCreate"), e.getMessage());
            assertEquals("", VirtualGpu.findings(), "stream " + stream);
            TestDevices.configure("");
            TestDevices.reset();
        }
        requireWorks();
    }

    /** Waiting for a run may fail when its memory is closed; the memory is given back all the same. */
    @Test
    @VirtualOnly("a card's driver cannot be told to fail")
    void memoryIsGivenBackThoughTheRunFailed() {
        try (Backend backend = Backends.open(TestDevices.one(), 0)) {
            Storage storage = backend.allocate(new long[] {4096});
            List<Step> steps = List.of(new Step.Launch(new Operation.Scale("twice", TENSOR, TENSOR, 2), null));
            Program program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps)), Map.of(TENSOR, REGION), storage,
                    storage);
            program.start(RunParameters.NONE);
            TestDevices.configure("fail-call=cuStreamSynchronize:1:999");
            assertThrows(DeviceException.class, storage::close);
            TestDevices.configure("");
            storage.close(); // once is enough
        }
        assertEquals("", VirtualGpu.findings());
        requireWorks();
    }

    /** Launching names the layer. */
    @Test
    @VirtualOnly("a card's driver cannot be told to fail")
    void aFailingLaunchNamesTheLayer() {
        try (Backend backend = Backends.open(TestDevices.one(), 0)) {
            TestDevices.configure("fail-call=cuLaunchKernel:1:701");
            DeviceException e = assertThrows(DeviceException.class, () -> run(backend));
            assertTrue(e.getMessage().startsWith("twice: launching kernel elementwise_scale"), e.getMessage());
        }
    }

    /** A run is one graph launch, whatever the program; the first two capture it. */
    @Test
    @VirtualOnly("a card's driver counts no calls")
    void aRunIsOneLaunch() {
        int images = 8;
        Tensor input = new Tensor(1, "input", 0, Tensor.Format.INTEGERS, Tensor.Role.INPUT, images, 1, 1, 1);
        Tensor logits = new Tensor(2, "logits", 0, Tensor.Format.ACTIVATION, Tensor.Role.TRANSIENT, images, 3, 1, 1);
        Tensor losses = new Tensor(3, "losses", 0, Tensor.Format.ACTIVATION, Tensor.Role.OUTPUT, images, 1, 1, 1);
        Tensor ranks = new Tensor(4, "ranks", 0, Tensor.Format.INTEGERS, Tensor.Role.OUTPUT, images, 1, 1, 1);
        try (Backend backend = Backends.open(TestDevices.one(), 0)) {
            Storage storage = backend.allocate(new long[] {1 << 16});
            List<Step> steps = List
                    .of(new Step.Launch(new Operation.SoftmaxCrossEntropy("loss", logits, input, losses, ranks, null, null), null));
            Program program = backend.load(List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps)), Map.of(
                    input, new Region(Region.Area.TRANSIENT, 0, 4 * images), logits, new Region(Region.Area.TRANSIENT, 4096, 12 * images),
                    losses, new Region(Region.Area.TRANSIENT, 20480, 4 * images), ranks,
                    new Region(Region.Area.TRANSIENT, 28672, 4 * images)),
                    storage, storage);
            int[] labels = new int[images];
            float[] result = new float[images];
            program.write(logits, new float[3 * images]);
            HotLoop loop = new HotLoop(program, input, losses, labels, result);
            loop.run(3000); // until the virtual machine has compiled it
            TestDevices.reset();
            long allocated = loop.allocatedBy(100);
            assertEquals(100, HotLoop.calls("cuGraphLaunch"));
            assertEquals(100, HotLoop.calls("cuMemcpyHtoDAsync_v2"));
            for (String none : List.of("cuLaunchKernel", "cuMemAlloc_v2", "cuMemHostAlloc", "cuStreamBeginCapture_v2",
                    "cuModuleGetFunction")) {
                assertEquals(0, HotLoop.calls(none), none);
            }
            assertTrue(allocated < 100 * 8, allocated + " bytes of Java heap in 100 runs");
            float[] expected = new float[images];
            Arrays.fill(expected, (float) Math.log(3));
            assertArrayEquals(expected, result, 1e-6f);
        }
        TestDevices.requireClean("findings");
    }
}
