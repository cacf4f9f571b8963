package duet.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that lie: each is refused with one sentence, and none makes us read or allocate what is not there. */
class SafetensorsDamageTest {
    @TempDir
    private Path folder;

    private Path file(long length, byte[] header, int dataBytes) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(8 + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        return Files.write(folder.resolve("bad.safetensors"), bytes.putLong(length).put(header).array());
    }

    private void assertRefused(Path file, String reason) {
        String message = assertThrows(SafetensorsException.class, () -> Safetensors.open(file).close()).getMessage();
        assertTrue(message.startsWith(file + ": "), message);
        assertTrue(message.contains(reason), message);
        assertEquals(1, message.lines().count(), message);
    }

    /** Header with ' for ", bytes of data that follow, a piece of the message. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~',
            textBlock = """
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}                                                    | 7  | cut off
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}                                                    | 9  | too long
                    {'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}}                                                    | 8  | needs 12
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}}                                                    | 8  | not a begin and an end
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[4,12]}}                                                   | 12 | leaves a hole after the header
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}}                                                   | 8  | whole numbers from 0
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'b':{'dtype':'F32','shape':[2],'data_offsets':[4,12]}} | 12 | tensor b overlaps a
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'b':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | 8  | tensor b overlaps a
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'b':{'dtype':'F32','shape':[1],'data_offsets':[12,16]}} | 16 | tensor b leaves a hole after a
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},'a':{'dtype':'F32','shape':[2],'data_offsets':[8,16]}} | 16 | duplicate
                    {'a':{'dtype':'F32','shape':[4611686018427387904,4],'data_offsets':[0,0]}}                                | 0  | overflows
                    {'a':{'dtype':'F32','shape':[9223372036854775807],'data_offsets':[0,9223372036854775804]}}                | 8  | overflows
                    {'a':{'dtype':'F32','shape':[2305843009213693951],'data_offsets':[0,9223372036854775804]}}                | 8  | cut off
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,99999999999999999999]}}                                 | 8  | whole numbers from 0
                    {'a':{'dtype':'F32','shape':[2.0],'data_offsets':[0,8]}}                                                  | 8  | whole numbers from 0
                    {'a':{'dtype':'F32','shape':'2','data_offsets':[0,8]}}                                                    | 8  | not an array
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,4,8]}}                                                  | 8  | not a begin and an end
                    {'a':{'dtype':'F31','shape':[2],'data_offsets':[0,8]}}                                                    | 8  | unknown dtype "F31"
                    {'a':{'dtype':7,'shape':[2],'data_offsets':[0,8]}}                                                        | 8  | unknown dtype 7
                    {'a':{'shape':[2],'data_offsets':[0,8]}}                                                                  | 8  | needs exactly dtype
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8],'more':1}}                                           | 8  | needs exactly dtype
                    {'a':[0,8]}                                                                                               | 8  | needs exactly dtype
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}                                                     | 8  | not valid JSON
                    {'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}x                                                   | 8  | not valid JSON
                    [1,2]                                                                                                     | 0  | does not begin with {
                    {'__metadata__':{'a':1}}                                                                                  | 0  | __metadata__.a is not a string
                    {'__metadata__':'a'}                                                                                      | 0  | __metadata__ is not an object
                    {'__metadata__':{'crc32c':'{'}}                                                                           | 0  | checksums in the metadata are damaged
                    {}                                                                                                        | 4  | too long
                    """)
    void lyingHeader(String header, int dataBytes, String reason) throws IOException {
        byte[] bytes = header.replace('\'', '"').getBytes(StandardCharsets.UTF_8);
        assertRefused(file(bytes.length, bytes, dataBytes), reason);
    }

    @Test
    void lyingLength() throws IOException {
        byte[] header = "{}".getBytes(StandardCharsets.UTF_8);
        assertRefused(file(3, header, 0), "cut off");
        assertRefused(file(99_999_999, header, 0), "cut off");
        assertRefused(file(100_000_001, header, 0), "not a safetensors file");
        assertRefused(file(-1, header, 0), "a header of 18446744073709551615 bytes");
        assertRefused(file(0, header, 0), "not a safetensors file");
    }

    @Test
    void notEvenAHeader() throws IOException {
        assertRefused(Files.write(folder.resolve("empty.safetensors"), new byte[0]), "0 bytes are too few");
        assertRefused(Files.writeString(folder.resolve("text.safetensors"), "This is a text, not a tensor."), "not a safetensors file");
        byte[] latin = {'{', '"', (byte) 0xE4, '"', ':', '1', '}', ' '};
        assertRefused(file(8, latin, 0), "not UTF-8");
        byte[] deep = "{\"a\":".repeat(100_000).getBytes(StandardCharsets.UTF_8);
        assertRefused(file(deep.length, deep, 0), "not valid JSON");
    }

    /** Whatever bytes are changed, the file is read or refused; nothing else happens. */
    @Test
    void randomDamage() throws IOException {
        long seed = Long.getLong("duet.seed", 1);
        System.out.println("SafetensorsDamageTest: -Dduet.seed=" + seed);
        Random random = new Random(seed);
        byte[] header = ("{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                + "\"b\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[8,14]}}").getBytes(StandardCharsets.UTF_8);
        byte[] good = Files.readAllBytes(file(header.length, header, 14));
        int refused = 0;
        for (int round = 0; round < 800; round++) {
            byte[] bad = Arrays.copyOf(good, random.nextInt(4) == 0 ? random.nextInt(good.length) : good.length);
            for (int change = random.nextInt(3); change >= 0 && bad.length > 0; change--) {
                bad[random.nextInt(bad.length)] = (byte) random.nextInt(256);
            }
            Path file = Files.write(folder.resolve("bad.safetensors"), bad);
            try (Safetensors read = Safetensors.open(file)) {
                for (String name : read.entries().keySet()) {
                    assertTrue(read.entries().get(name).elements() <= 14);
                }
            } catch (SafetensorsException e) {
                refused++;
                assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
            }
        }
        assertTrue(refused > 400, refused + " refused");
    }
}
