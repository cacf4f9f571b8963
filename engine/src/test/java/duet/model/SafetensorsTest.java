package duet.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

import duet.model.Safetensors.Block;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    @TempDir
    private Path folder;

    private Path write(Map<String, String> metadata, Block... blocks) throws IOException {
        Path file = folder.resolve("test.safetensors");
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            Safetensors.write(channel, metadata, List.of(blocks));
        }
        return file;
    }

    private static Block block(String name, List<Integer> shape, float... values) {
        return new Block(name, shape, () -> values);
    }

    @Test
    void givesBackWhatWasWritten() throws IOException {
        long seed = Long.getLong("duet.seed", 1);
        System.out.println("SafetensorsTest: -Dduet.seed=" + seed);
        Random random = new Random(seed);
        float[] large = new float[700_001]; // more than one buffer, and not a whole number of them
        IntStream.range(0, large.length).forEach(i -> large[i] = (float) random.nextGaussian());
        float[] special = {Float.NaN, Float.NEGATIVE_INFINITY, -0f, Float.MIN_VALUE, Float.MAX_VALUE};
        Path file = write(Map.of("name", "größe \"quoted\" \n"), block("large", List.of(700_001), large),
                block("none", List.of(0, 3)), block("scalar", List.of(), 3.5f), block("special", List.of(1, 5), special));
        try (Safetensors read = Safetensors.open(file)) {
            assertEquals(List.of("large", "none", "scalar", "special"), List.copyOf(read.entries().keySet()));
            assertEquals("größe \"quoted\" \n", read.metadata().get("name"));
            assertArrayEquals(large, read.floats("large"));
            assertArrayEquals(special, read.floats("special"));
            assertArrayEquals(new float[] {3.5f}, read.floats("scalar"));
            assertArrayEquals(new float[0], read.floats("none"));
            assertEquals(List.of(1L, 5L), read.entries().get("special").shape());
            assertEquals(List.of(), read.entries().get("scalar").shape());
        }
    }

    @Test
    void dataBeginAtAMultipleOfEightBytes() throws IOException {
        for (int length = 0; length < 9; length++) {
            Path file = write(Map.of("pad", "x".repeat(length)), block("a", List.of(1), 1));
            long header = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).getLong();
            assertEquals(0, header % 8);
            assertEquals(Files.size(file), 8 + header + 4);
            Files.delete(file);
        }
    }

    @Test
    void valuesAreAskedForOneTensorAfterTheOther() throws IOException {
        int[] alive = {0};
        write(Map.of(), new Block("a", List.of(2), () -> new float[2 + alive[0]++]),
                new Block("b", List.of(3), () -> new float[2 + alive[0]++]));
        assertEquals(2, alive[0]);
    }

    /** In pieces, as what is larger than memory comes, and whole numbers. */
    @Test
    void contentComesInPieces() throws IOException {
        Path file = write(Map.of(), new Block("a", Safetensors.Type.F32, List.of(2, 3), sink -> {
            sink.floats(new float[] {1, 2});
            sink.floats(new float[0]);
            sink.floats(new float[] {3, 4, 5, 6});
        }), new Block("b", Safetensors.Type.I64, List.of(3), sink -> sink.longs(new long[] {-1, 1L << 40, 7})));
        try (Safetensors written = Safetensors.open(file)) {
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, written.floats("a"));
            assertArrayEquals(new long[] {-1, 1L << 40, 7}, written.longs("b"));
        }
    }

    @Test
    void tooLittleTooMuchAndTheWrongTypeAreRefused() throws IOException {
        for (Safetensors.Content content : List.<Safetensors.Content>of(sink -> sink.floats(new float[2]),
                sink -> sink.floats(new float[4]),
                sink -> sink.longs(new long[3]))) {
            assertThrows(IllegalArgumentException.class, () -> write(Map.of(), new Block("a", Safetensors.Type.F32, List.of(3), content)));
            Files.delete(folder.resolve("test.safetensors"));
        }
        assertThrows(IllegalArgumentException.class, () -> new Block("a", Safetensors.Type.F16, List.of(3), sink -> {}));
    }

    /** The file was written by safetensors 0.8.0 for Python: save_file of numpy arrays of these types. */
    @Test
    void readsWhatTheReferenceImplementationWrites() throws Exception {
        Path file = Path.of(SafetensorsTest.class.getResource("reference.safetensors").toURI());
        try (Safetensors read = Safetensors.open(file)) {
            assertEquals(Map.of("made", "by the reference implementation"), read.metadata());
            assertArrayEquals(new float[] {1.5f, -2, 65504, 6.1e-5f}, read.floats("half"), 1e-7f);
            assertEquals(List.of(2L, 2L), read.entries().get("half").shape());
            assertArrayEquals(new float[] {0, 1, 2, 3, 4, 5}, read.floats("single"));
            assertArrayEquals(new float[] {1 / 3f, Float.NEGATIVE_INFINITY}, read.floats("double"));
            assertArrayEquals(new long[] {-1, 1L << 62}, read.longs("long"));
            assertArrayEquals(new float[] {7.25f}, read.floats("scalar"));
            assertEquals(0, read.floats("empty").length);
            String message = assertThrows(SafetensorsException.class, () -> read.floats("bytes")).getMessage();
            assertEquals(file + ": tensor bytes is U8, where F32, F16, BF16 or F64 is needed", message);
            assertTrue(assertThrows(SafetensorsException.class, () -> read.longs("half")).getMessage().contains("I64 is needed"));
            assertTrue(assertThrows(SafetensorsException.class, () -> read.floats("other")).getMessage().contains("no tensor other"));
        }
    }

    @Test
    void readsBrainFloats() throws IOException {
        byte[] header = "{\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}".getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + 4).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length).put(header).putShort((short) 0x3F80).putShort((short) 0xC0A0);
        Path file = Files.write(folder.resolve("b.safetensors"), bytes.array());
        try (Safetensors read = Safetensors.open(file)) {
            assertArrayEquals(new float[] {1, -5}, read.floats("b"));
        }
    }

    @Test
    void aFlippedBitIsFound() throws IOException {
        Path file = write(Map.of("name", "value"), block("first", List.of(2), 1, 2), block("second", List.of(2), 3, 4));
        byte[] bytes = Files.readAllBytes(file);
        bytes[bytes.length - 9] ^= 1;
        Files.write(file, bytes);
        try (Safetensors read = Safetensors.open(file)) {
            assertArrayEquals(new float[] {3, 4}, read.floats("second"));
            String message = assertThrows(SafetensorsException.class, () -> read.floats("first")).getMessage();
            assertTrue(message.startsWith(file + ": tensor first is damaged"), message);
        }
        bytes[bytes.length - 9] ^= 1;
        String text = new String(bytes, StandardCharsets.ISO_8859_1).replace("value", "walue");
        Files.write(file, text.getBytes(StandardCharsets.ISO_8859_1));
        String message = assertThrows(SafetensorsException.class, () -> Safetensors.open(file).close()).getMessage();
        assertTrue(message.startsWith(file + ": the metadata are damaged"), message);
    }

    @Test
    void refusesToWriteNonsense() {
        assertThrows(IllegalArgumentException.class, () -> write(Map.of(), block("a", List.of(3), 1, 2)));
        folder = folder.resolve("other");
        assertThrows(IllegalArgumentException.class, () -> {
            Files.createDirectory(folder);
            write(Map.of(), block("a", List.of(1), 1), block("a", List.of(1), 1));
        });
    }
}
