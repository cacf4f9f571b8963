package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;

import duet.device.Operation.FullyConnectedBackwardData;
import duet.device.Precision;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import org.junit.jupiter.api.Test;

class OnePassLoweringTest {
    private static FullyConnectedBackwardData layer(int batch, int channels, int size, int outputs) {
        Tensor weight = new Tensor(0, "weight", 0, Format.FILTER, Role.PARAMETER, outputs, channels, size, size);
        return new FullyConnectedBackwardData("fc", activation(1, batch, outputs, 1), weight, activation(2, batch, channels, size));
    }

    private static Tensor activation(int id, int batch, int channels, int size) {
        return new Tensor(id, "activation" + id, 0, Format.ACTIVATION, Role.TRANSIENT, batch, channels, size, size);
    }

    @Test
    void splitsCoverTheOutputsOnceAndPartialSumsFit() {
        Random random = new Random(5);
        for (int i = 0; i < 500; i++) {
            int batch = 1 + random.nextInt(128);
            int inputs = 8 * (1 + random.nextInt(300));
            int outputs = 8 * (1 + random.nextInt(600));
            FullyConnectedBackwardData layer = layer(batch, inputs, 1, outputs);
            OnePassLowering l = OnePassLowering.of(layer);
            assertEquals(0, l.termsPerSplit() % OnePassLowering.SLICE);
            assertTrue(l.splits() * l.termsPerSplit() >= outputs && (l.splits() - 1) * l.termsPerSplit() < outputs, layer::toString);
            long partial = l.splits() == 1 ? 0 : (long) l.splits() * batch * inputs * Float.BYTES;
            assertTrue(OnePassLowering.workspaceBytes(layer, Precision.BF16) >= partial, layer::toString);
        }
    }

    /** Each has blocks enough; fewer inputs have not. */
    @Test
    void alexnetNeedsNoPartialSums() {
        assertEquals(1, OnePassLowering.of(layer(128, 256, 6, 4096)).splits(), "fc6");
        assertEquals(1, OnePassLowering.of(layer(128, 4096, 1, 4096)).splits(), "fc7");
        assertEquals(1, OnePassLowering.of(layer(128, 4096, 1, 1000)).splits(), "fc8");
        assertTrue(OnePassLowering.of(layer(128, 256, 1, 4096)).splits() > 1);
    }

    @Test
    void othersNeedNoWorkspaceForIt() {
        assertTrue(OnePassLowering.workspaceBytes(layer(128, 256, 1, 4096), Precision.BF16) > 0);
        assertEquals(0, OnePassLowering.workspaceBytes(layer(129, 256, 1, 4096), Precision.BF16), "too many images");
        assertEquals(0, OnePassLowering.workspaceBytes(layer(128, 257, 1, 4096), Precision.BF16), "no chunks of eight");
        assertEquals(0, OnePassLowering.workspaceBytes(layer(128, 256, 1, 4097), Precision.BF16), "no chunks of eight");
        for (Precision precision : new Precision[] {Precision.FP32, Precision.BF16X3, Precision.BF16X6}) {
            assertEquals(0, OnePassLowering.workspaceBytes(layer(128, 256, 1, 4096), precision), precision.toString());
        }
    }

    /** Three blocks in the 228 KB of an H100's multiprocessor, which keeps 1 KB of each; one in the 99 KB of the smallest cards. */
    @Test
    void blocksFitIntoAMultiprocessor() {
        assertTrue(3 * (OnePassLowering.sharedBytes() + 1024) <= 228 << 10);
        assertTrue(OnePassLowering.sharedBytes() <= 99 << 10);
    }
}
