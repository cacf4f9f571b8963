package duet.data.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.Deflater;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.MatFile;
import us.hebi.matlab.mat.types.MatlabType;
import us.hebi.matlab.mat.types.Sinks;
import us.hebi.matlab.mat.types.Struct;

/** Files of another writer. */
class MatFileTest {
    private static byte[] write(int deflate, boolean littleEndian) throws IOException {
        Struct structs = Mat5.newStruct(3, 1);
        for (int i = 0; i < 3; i++) {
            structs.set("id", i, Mat5.newScalar(i - 1.5));
            structs.set("small", i, Mat5.newMatrix(1, 1, MatlabType.Int16));
            structs.getMatrix("small", i).setInt(0, -300 * i);
            structs.set("name", i, Mat5.newString("name " + "é".repeat(i)));
            structs.set("children", i, Mat5.newMatrix(1, 4));
            structs.set("none", i, Mat5.EMPTY_MATRIX);
        }
        MatFile file = Mat5.newMatFile().addArray("other", Mat5.newScalar(3)).addArray("things", structs);
        ByteBuffer bytes = ByteBuffer.allocate(1 << 16).order(littleEndian ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        Mat5.newWriter(Sinks.wrap(bytes).order(bytes.order())).setDeflateLevel(deflate).writeMat(file);
        return Arrays.copyOf(bytes.array(), bytes.position());
    }

    @ParameterizedTest
    @CsvSource({"0,true", "1,true", "0,false", "9,true"})
    void structuresAreReadAsTheyWereWritten(int deflate, boolean littleEndian) throws IOException {
        List<Map<String, Object>> structures = duet.data.source.MatFile.structures(
                write(deflate == 0 ? Deflater.NO_COMPRESSION : deflate, littleEndian), "things");
        assertEquals(3, structures.size());
        for (int i = 0; i < 3; i++) {
            assertEquals(Map.of("id", i - 1.5, "small", (double) (-300 * i), "name", "name " + "é".repeat(i), "children", 0.0),
                    structures.get(i));
        }
    }

    @Test
    void damageIsAlwaysToldInTheSameWay() throws IOException {
        long seed = System.nanoTime();
        SplittableRandom random = new SplittableRandom(seed);
        for (int deflate : new int[] {Deflater.NO_COMPRESSION, 1}) {
            byte[] whole = write(deflate, true);
            for (int i = 0; i < 2000; i++) {
                byte[] damaged = i % 2 == 0 ? Arrays.copyOf(whole, random.nextInt(whole.length)) : whole.clone();
                if (i % 2 != 0) {
                    damaged[random.nextInt(whole.length)] ^= (byte) (1 << random.nextInt(8));
                }
                try {
                    duet.data.source.MatFile.structures(damaged, "things");
                } catch (IllegalArgumentException expected) {
                    continue;
                } catch (RuntimeException | Error e) {
                    throw new AssertionError("seed " + seed + ", case " + i, e);
                }
            }
        }
        assertThrows(IllegalArgumentException.class, () -> duet.data.source.MatFile.structures(write(0, true), "absent"));
    }
}
