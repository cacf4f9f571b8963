package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualNccl;
import duet.VirtualNccl.Failure;
import duet.VirtualOnly;
import duet.bindings.cuda.Cuda;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.DeviceException;
import duet.device.Precision;
import duet.device.RankLostException;
import duet.device.Ranks;
import duet.device.VirtualGpu;
import duet.device.ranks.RankedBackend;
import duet.device.ranks.ThreadRanks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.Metrics;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Processes whose cards exchange by NCCL, played by its stand-in: the bits of one process, and an end where NCCL would wait for ever. */
@ExtendWith(VirtualGpuCondition.class)
@VirtualOnly("the stand-in for NCCL moves bytes of the virtual GPU")
@ResourceLock(TestDevices.LOCK)
class RankedNcclTest {
    private static final String STAGED = "1 virtual CUDA device: .* in each of 2 processes \\(2 threads\\), "
            + "through host memory between processes ";
    /** How often a stream is not ready, more than anybody asks in the time of the tests. */
    private static final int MANY = 50_000;
    private static final String LOST = "rank 1 has not answered about \\w+ for 2 s after step \\d";

    @BeforeEach
    void begin() {
        assumeTrue(VirtualNccl.there(), "the native tests have not been built");
        TestDevices.configure("");
        TestDevices.configure("devices=4");
        TestDevices.reset();
        VirtualNccl.use();
    }

    @AfterEach
    void end() {
        System.clearProperty("duet.nccl");
        VirtualNccl.leave();
        TestDevices.configure("");
    }

    /** Of each process others, as many as each has. */
    private static Backend open(Ranks ranks, int each, Precision precision) {
        String names = IntStream.range(0, each).mapToObj(i -> "virtual:" + (ranks.rank() * each + i)).collect(Collectors.joining(","));
        return RankedBackend.open(names, each, RankedCudaTest.options(precision), ranks);
    }

    @ParameterizedTest
    @CsvSource({"towers, FP32", "towers, BF16", "halves, FP32", "data, FP32", "hybrid, FP32", "wide, FP32", "wide, BF16",
            "'data,towers', FP32", "'data,towers', BF16", "'data,halves', FP32", "'data,hybrid', FP32", "four, FP32"})
    void sameBitsAsOneProcess(String name, Precision precision) {
        Placement placement = RankedCudaTest.placement(name);
        int each = placement.devices() / 2;
        Network network = name.equals("wide") ? Tiny.wide() : Tiny.network();
        Map<String, float[]> expected = RankedCudaTest.train(
                Backends.open(each == 1 ? TestDevices.two() : TestDevices.two() + "," + TestDevices.two(),
                        RankedCudaTest.options(precision)),
                network, placement);
        assertEquals(0, VirtualNccl.exchanges());
        ThreadRanks.run(2, 9, 60, ranks -> {
            Backend backend = open(ranks, each, precision);
            assertTrue(backend.description().endsWith(" processes (2 threads), NCCL 2.13.0 between processes"), backend.description());
            Map<String, float[]> tensors = RankedCudaTest.train(backend, network, placement);
            assertEquals(0, ranks.bytesExchanged(), "bytes by way of the host");
            return tensors;
        }).forEach(tensors -> expected.forEach((tensor, values) -> assertArrayEquals(values, tensors.get(tensor), tensor)));
        assertTrue(VirtualNccl.exchanges() > 0, "exchanges by NCCL");
        TestDevices.requireClean(placement + " " + precision);
    }

    /** Where each command is waited for before the next one. */
    @Test
    void oneCommandAfterTheOther() {
        Map<String, float[]> expected = RankedCudaTest.train(Backends.open(TestDevices.two(), RankedCudaTest.options(Precision.FP32)),
                Tiny.network(), Placement.TWO_TOWERS);
        System.setProperty("duet.cuda.launch", "each");
        try {
            ThreadRanks.run(2, 9, 60, ranks -> RankedCudaTest.train(open(ranks, 1, Precision.FP32), Tiny.network(), Placement.TWO_TOWERS))
                    .forEach(tensors -> expected.forEach((tensor, values) -> assertArrayEquals(values, tensors.get(tensor), tensor)));
        } finally {
            System.clearProperty("duet.cuda.launch");
        }
        assertTrue(VirtualNccl.exchanges() > 0, "exchanges by NCCL");
    }

    /** What the processes say that they use, which must be the same for all; they train in any case. */
    private static String carrier(boolean sameCard) {
        List<String> words = ThreadRanks.run(2, 9, 60, ranks -> {
            Backend backend = sameCard ? RankedBackend.open("virtual:0", 1, RankedCudaTest.options(Precision.FP32), ranks)
                    : open(ranks, 1, Precision.FP32);
            String description = backend.description();
            RankedCudaTest.train(backend, Tiny.network(), Placement.TWO_TOWERS);
            return description;
        });
        assertEquals(words.get(0).replace("GPU 0", "GPU N"), words.get(1).replaceAll("GPU [01]", "GPU N"));
        assertEquals(0, VirtualNccl.exchanges());
        return words.getFirst();
    }

    @Test
    void twoProcessesOnOneCardGoThroughTheHost() {
        String words = carrier(true);
        assertTrue(words.matches(STAGED
                + "\\(NCCL wants a card for each device, but rank 0's virtual:0 and rank 1's virtual:0 are the same\\)"), words);
    }

    @Test
    void theUserCanDoWithout() {
        System.setProperty("duet.nccl", "off");
        String words = carrier(false);
        assertTrue(words.matches(STAGED + "\\(DUET_NCCL=off\\)"), words);
        System.setProperty("duet.nccl", "no");
        assertEquals("DUET_NCCL=no: the one value is off, which does without NCCL; unset, NCCL is used if it is there",
                assertThrows(DeviceException.class, () -> carrier(false)).getMessage());
    }

    /** The virtual GPU needs the stand-in, which only a property names: a machine's NCCL would not work with it. */
    @Test
    void theVirtualGpuDoesNotLookForNccl() {
        VirtualNccl.leave();
        String words = carrier(false);
        assertTrue(words.matches(STAGED + "\\(NCCL is for cards\\)"), words);
    }

    @Test
    void whereNcclDoesNotConnectTheHostDoes() {
        VirtualNccl.fail(-1, Failure.ABSENT, 0);
        String words = carrier(false);
        assertTrue(words.matches(STAGED + "\\(rank 0: connecting the processes: NCCL's ncclCommInitRank answers system error "
                + "\\(a test wants rank 0 to be absent\\); NCCL_DEBUG=INFO says more, DUET_NCCL=off does without NCCL\\)"), words);
    }

    /** One of two processes does not connect, and the other waits for it in vain. */
    @Test
    void whoeverDoesNotConnectIsNotWaitedForForEver() {
        VirtualNccl.fail(1, Failure.ABSENT, 0);
        String message = assertThrows(RankLostException.class,
                () -> ThreadRanks.run(2, 9, 2, ranks -> open(ranks, 1, Precision.FP32))).getMessage();
        assertEquals("NCCL has not connected the processes for 2 s; DUET_NCCL=off does without it", message);
        assertThrows(DeviceException.class, () -> TestDevices.configure(""), "what it may still write to must stay");
        for (int device = 0; device < 2; device++) {
            assertEquals(Cuda.CUDA_SUCCESS(), Cuda.cuDevicePrimaryCtxRelease_v2(device));
        }
    }

    /** From its fourth exchange on a process hangs or fails. */
    @ParameterizedTest
    @EnumSource(value = Failure.class, names = {"HANGS", "REFUSES"})
    void aFailureEndsAll(Failure failure) {
        VirtualNccl.fail(1, failure, 3);
        String message = assertThrows(RankLostException.class, () -> trainBoth("towers")).getMessage();
        assertTrue(message.matches(LOST), message);
    }

    /** Nothing has arrived, though no call has failed. */
    @Test
    void whatNcclReportsLaterEndsAll() {
        VirtualNccl.fail(0, Failure.BREAKS, 3);
        String message = assertThrows(RankLostException.class, () -> trainBoth("towers")).getMessage();
        assertTrue(message.matches("exchanging with other processes: NCCL's ncclCommGetAsyncError answers remote error.* after step \\d"),
                message);
    }

    /** The same with two devices in each process, whose exchanges have threads of their own. */
    @ParameterizedTest
    @CsvSource({"'data,towers'", "four"})
    void aHangEndsAllThreads(String placement) {
        VirtualNccl.fail(2, Failure.HANGS, 2);
        String message = assertThrows(RankLostException.class, () -> trainBoth(placement)).getMessage();
        assertTrue(message.matches(LOST), message);
    }

    private static void trainBoth(String name) {
        Placement placement = RankedCudaTest.placement(name);
        ThreadRanks.run(2, 9, 2,
                ranks -> RankedCudaTest.train(open(ranks, placement.devices() / 2, Precision.FP32), Tiny.network(), placement));
    }

    /** The other process is gone: it has come to the same program, and does not run it. */
    @Test
    void aLostProcessIsNamed() {
        String message = assertThrows(RankLostException.class, () -> ThreadRanks.run(2, 9, 2, ranks -> {
            try (Backend backend = open(ranks, 1, Precision.FP32);
                    Trainer trainer = Trainer.create(Tiny.network(), Placement.TWO_TOWERS, backend, Tiny.data(),
                            Tiny.options().toBuilder().steps(3).build())) {
                if (ranks.first()) {
                    trainer.train(TrainingListener.SILENT);
                } else {
                    ranks.any("whether to stop", false); // the last that it says
                }
                return null;
            }
        })).getMessage();
        assertTrue(message.matches(LOST), message);
    }

    /** Exchanges have begun, and the cards do not come to their end. */
    @Test
    void aRunThatDoesNotEndIsGivenUp() {
        TrainingListener stops = new TrainingListener() {
            @Override
            public void step(Metrics metrics) {
                if (metrics.step() == 1) {
                    TestDevices.configure(
                            "fail-call=cuStreamQuery:1:600,".repeat(MANY) + "fail-call=cuEventQuery:1:600,".repeat(MANY / 1000));
                }
            }
        };
        String message = assertThrows(RankLostException.class, () -> ThreadRanks.run(2, 9, 2, ranks -> {
            try (Backend backend = open(ranks, 1, Precision.FP32);
                    Trainer trainer = Trainer.create(Tiny.network(), Placement.TWO_TOWERS, backend, Tiny.data(),
                            Tiny.options().toBuilder().steps(4).build())) {
                trainer.train(ranks.first() ? stops : TrainingListener.SILENT);
                return null;
            }
        })).getMessage();
        assertTrue(message.matches(LOST), message);
        assertTrue(VirtualGpu.calls().matches("(?s).*\"cuEventQuery\": *[1-9].*"),
                "asked which exchange is not over: " + VirtualGpu.calls());
    }
}
