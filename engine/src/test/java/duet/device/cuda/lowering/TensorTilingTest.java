package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;

import duet.device.ConvolutionGeometry;
import duet.device.cuda.lowering.ProductShape.Pass;
import org.junit.jupiter.api.Test;

class TensorTilingTest {
    private static ConvolutionGeometry square(int channels, int size, int filters, int kernel, int stride, int padding, int groups) {
        int output = (size + 2 * padding - kernel) / stride + 1;
        return new ConvolutionGeometry(channels, size, size, filters, kernel, stride, padding, groups, output, output);
    }

    private static ProductShape shape(Pass pass, ConvolutionGeometry g, int batch) {
        return new ProductShape(pass, "conv", g, batch, pass == Pass.WEIGHTS ? g.filters() : 0);
    }

    @Test
    void tilesAndSplitsCoverTheProductOnce() {
        Random random = new Random(4);
        for (int i = 0; i < 500; i++) {
            int groups = 1 + random.nextInt(3);
            int kernel = 1 + random.nextInt(7);
            int multiple = random.nextBoolean() ? 8 : 1;
            ConvolutionGeometry g = square(groups * multiple * (1 + random.nextInt(40)), kernel + random.nextInt(20),
                    groups * multiple * (1 + random.nextInt(40)), kernel, 1 + random.nextInt(4), random.nextInt(kernel), groups);
            for (Pass pass : Pass.values()) {
                ProductShape shape = TensorTiling.form(shape(pass, g, 1 + random.nextInt(64)));
                ProductTiling t = TensorTiling.of(shape);
                int across = t.tilesAcross(shape);
                int down = t.tiles(shape) / across;
                assertEquals(0, t.tiles(shape) % across);
                assertTrue(across * t.tile().columns() >= shape.columns() && (across - 1) * t.tile().columns() < shape.columns());
                assertTrue(down * t.tile().rows() >= shape.rows() && (down - 1) * t.tile().rows() < shape.rows());
                assertEquals(0, t.termsPerSplit() % TensorTiling.SLICE);
                assertTrue((long) t.splits() * t.termsPerSplit() >= shape.terms() && (t.splits() - 1) * t.termsPerSplit() < shape.terms());
                assertEquals(multiple == 1 && (g.channels() / groups % 8 != 0 || g.filters() / groups % 8 != 0),
                        t.kernel().endsWith("scalar"), t.kernel());
            }
        }
    }

    /** All four schedulers of a multiprocessor have as many warps, and two blocks or one fit into the 164 KB of an A100. */
    @Test
    void tilesSuitAMultiprocessor() {
        for (TensorTiling.Tile tile : TensorTiling.Tile.values()) {
            assertEquals(0, tile.threads() % 128, tile::toString);
            assertTrue(tile.sharedBytes() * (tile.threads() == 128 ? 2 : 1) <= 160 << 10, tile::toString);
        }
    }

    /** The first layer is packed to 432 terms, conv2's gradient goes by pairs of pixels, and neither goes number by number. */
    @Test
    void alexnetHasItsOwnForms() {
        ConvolutionGeometry conv1 = square(3, 227, 96, 11, 4, 0, 1);
        ProductShape packed = PackedImage.of(shape(Pass.FORWARD, conv1, 128)).shape();
        assertEquals(432, packed.terms());
        assertEquals(57, packed.geometry().height());
        assertEquals("convolution_forward_bf16_256x96", TensorTiling.of(packed).kernel());
        assertEquals(432, PackedImage.of(shape(Pass.WEIGHTS, conv1, 128)).shape().rows());
        assertNull(PackedImage.of(shape(Pass.DATA, conv1, 128)));
        ProductShape conv2 = TensorTiling.form(shape(Pass.DATA, square(96, 27, 256, 5, 1, 2, 2), 128));
        assertEquals(128 * 27 * 14, conv2.rows());
        assertEquals(96, conv2.columns());
        assertEquals(30 * 128, conv2.terms());
        assertEquals("convolution_backward_data_bf16_pairs_256x96", TensorTiling.of(conv2).kernel());
        assertNull(PackedImage.of(shape(Pass.FORWARD, square(96, 27, 256, 5, 1, 2, 2), 128)));
    }
}
