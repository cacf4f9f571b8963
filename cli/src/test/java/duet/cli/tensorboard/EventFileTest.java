package duet.cli.tensorboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

import duet.cli.tensorboard.proto.TensorBoard.Event;
import duet.cli.tensorboard.proto.TensorBoard.Summary;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {
    private static final Event LOSS = Event.newBuilder().setWallTime(2.5).setStep(7)
            .setSummary(Summary.newBuilder().addValue(Summaries.scalar("loss/train", 0.25))).build();

    @TempDir
    private Path folder;

    private Path loss(double seconds) throws IOException {
        try (EventFile file = EventFile.create(folder, seconds)) {
            file.write(LOSS);
        }
        return EventFile.in(folder).getLast();
    }

    /** What TensorBoard 2.21's own RecordWriter makes of the same two events. */
    @Test
    void theBytesAreThoseOfTensorBoard() throws IOException {
        assertEquals("1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"
                + "200000000000000029eda95009000000000000044010072a130a110a0a6c6f73732f747261696e150000803e01407433",
                HexFormat.of().formatHex(Files.readAllBytes(loss(1.5))));
    }

    /** CRC-32C of the nine digits is e3069283. */
    @Test
    void theCrcIsMasked() {
        byte[] digits = "x123456789".getBytes(StandardCharsets.US_ASCII);
        assertEquals(Integer.rotateRight(0xe3069283, 15) + 0xa282ead8, EventFile.maskedCrc(digits, 1, 9));
    }

    @Test
    void namesAreInTheOrderOfTheTrainings() throws IOException {
        Files.createFile(folder.resolve("metrics.jsonl"));
        Files.createFile(folder.resolve("events.out.tfevents.notatime.host.1.0"));
        List<Path> files = List.of(loss(1_800_000_000.9), loss(1_800_000_000.9), loss(1_700_000_000), loss(1_800_000_009));
        assertEquals(files, EventFile.in(folder));
        assertTrue(files.getFirst().getFileName().toString().matches("events\\.out\\.tfevents\\.1800000000\\.[\\w.-]+\\."
                + ProcessHandle.current().pid() + "\\.0"), files.toString());
        assertEquals(List.of("1800000000", "1800000001", "1800000002", "1800000009"),
                files.stream().map(file -> file.getFileName().toString().split("\\.")[3]).toList());
    }

    /** What a killed process left of its last record takes nothing from those before. */
    @Test
    void aTornRecordIsTheLast() throws IOException {
        Path file = loss(1);
        byte[] whole = Files.readAllBytes(file);
        int first = EventRecords.read(file).getFirst().getSerializedSize() + 16;
        for (int length = first; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertEquals(1, EventRecords.read(file).size(), length + " bytes");
        }
        Files.write(file, whole);
        assertEquals(List.of(1.0, 2.5), EventRecords.read(file).stream().map(Event::getWallTime).toList());
        assertEquals(LOSS, EventRecords.read(file).getLast());
    }

    @Test
    void aFullDiskIsTold() throws IOException {
        Path full = Path.of("/dev/full");
        assumeTrue(Files.exists(full), "there is no /dev/full");
        try (EventFile file = EventFile.open(full)) {
            assertThrows(IOException.class, () -> file.write(LOSS));
        }
    }
}
