package duet.device.cuda.driver;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.VirtualNccl;
import duet.VirtualOnly;
import duet.bindings.CudaLibrary;
import duet.bindings.KernelCode;
import duet.bindings.NcclLibrary;
import duet.device.DeviceException;
import duet.device.StreamSteps.Kind;
import duet.device.cuda.driver.NcclCommunicator.Message;
import duet.device.ranks.ThreadRanks;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/** The calls of NCCL, and that the stand-in refuses what NCCL would not do. */
@ExtendWith(VirtualGpuCondition.class)
@VirtualOnly("the stand-in for NCCL moves bytes of the virtual GPU")
@ResourceLock(TestDevices.LOCK)
class NcclCommunicatorTest {
    private static final String MORE = "; NCCL_DEBUG=INFO says more, DUET_NCCL=off does without NCCL";
    private static final int BYTES = 8;

    @BeforeEach
    void begin() {
        assumeTrue(VirtualNccl.there(), "the native tests have not been built");
        TestDevices.configure("");
        VirtualNccl.use();
        CudaDriver.require(CudaLibrary.Kind.VIRTUAL);
        assertEquals(Optional.empty(), NcclLibrary.problem(CudaLibrary.Kind.VIRTUAL));
    }

    @AfterEach
    void end() {
        VirtualNccl.leave();
    }

    /** The bytes that two devices, each a rank on a card of its own, have after an exchange; each begins with its number in all bytes. */
    private static List<byte[]> exchange(BiFunction<Integer, Long, List<Message>> messages) {
        byte[] id = NcclCommunicator.uniqueId();
        return ThreadRanks.run(2, 3, 20, ranks -> {
            int rank = ranks.rank();
            try (CudaCard card = new CudaCard("virtual:" + rank, rank, KernelCode.load());
                    CudaDevice device = new CudaDevice(rank, card);
                    Arena arena = Arena.ofConfined()) {
                CudaStream stream = device.stream(Kind.COPY);
                NcclCommunicator communicator = NcclCommunicator.open(List.of(device), 2, id).getFirst();
                long address = device.allocate(2 * BYTES);
                MemorySegment host = arena.allocate(2 * BYTES);
                host.asSlice(0, BYTES).fill((byte) (rank + 1));
                stream.copyToDevice(address, host, 2 * BYTES, "of the test");
                try {
                    communicator.exchange(stream, messages.apply(rank, address), "fc6");
                    stream.copyToHost(host, address, 2 * BYTES, "of the test");
                    stream.synchronize("of the test");
                } finally {
                    communicator.abort();
                    device.free(address);
                }
                assertEquals("fc6: the connection has been given up",
                        assertThrows(DeviceException.class, () -> communicator.exchange(stream, List.of(), "fc6")).getMessage());
                return host.asSlice(BYTES).toArray(JAVA_BYTE);
            }
        });
    }

    /** The first half goes out, the second half comes in. */
    @Test
    void bytesGoBothWays() {
        List<byte[]> received = exchange((rank, address) -> List.of(new Message(true, address, BYTES, 1 - rank),
                new Message(false, address + BYTES, BYTES, 1 - rank)));
        assertArrayEquals(new byte[] {2, 2, 2, 2, 2, 2, 2, 2}, received.get(0));
        assertArrayEquals(new byte[] {1, 1, 1, 1, 1, 1, 1, 1}, received.get(1));
    }

    @Test
    void bothEndsSayHowManyBytes() {
        String message = assertThrows(DeviceException.class, () -> exchange((rank, address) -> List.of(rank == 1
                ? new Message(true, address, BYTES / 2, 0) : new Message(false, address, BYTES, 1)))).getMessage();
        assertEquals("fc6: NCCL's ncclGroupEnd answers invalid argument (rank 0 receives 8 bytes from rank 1, which sends 4)" + MORE,
                message);
    }

    @Test
    void thereMustBeSuchADevice() {
        String message = assertThrows(DeviceException.class,
                () -> exchange((_, address) -> List.of(new Message(true, address, BYTES, 2)))).getMessage();
        assertEquals("fc6: NCCL's ncclSend or ncclRecv answers invalid argument (there is no rank 2)" + MORE, message);
    }

    @Test
    void aCardIsOneRank() {
        List<CudaDevice> devices = new ArrayList<>();
        try (CudaCard card = new CudaCard("virtual:0", 0, KernelCode.load())) {
            devices.add(new CudaDevice(0, card));
            devices.add(new CudaDevice(1, card));
            String message = assertThrows(DeviceException.class,
                    () -> NcclCommunicator.open(devices, 2, NcclCommunicator.uniqueId())).getMessage();
            assertEquals("connecting the processes: NCCL's ncclCommInitRank answers invalid usage (two ranks are on the same device)"
                    + MORE, message);
            devices.forEach(CudaDevice::close);
        }
    }
}
