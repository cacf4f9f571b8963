package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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
                ProductShape shape = shape(pass, g, 1 + random.nextInt(64));
                ProductTiling t = TensorTiling.of(shape);
                int across = t.tilesAcross(shape);
                int down = t.tiles(shape) / across;
                assertEquals(0, t.tiles(shape) % across);
                assertTrue(across * t.tile().columns() >= shape.columns() && (across - 1) * t.tile().columns() < shape.columns());
                assertTrue(down * t.tile().rows() >= shape.rows() && (down - 1) * t.tile().rows() < shape.rows());
                assertEquals(0, t.termsPerSplit() % 16);
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

    /** Cards of compute capability 8.6, 8.9 and 12.0 give a block 99 KB. */
    @Test
    void tilesFitIntoTheSharedMemoryOfEveryCard() {
        Stream.<ProductTile[]>of(TensorTiling.Tile.values(), SplitTiling.Tile.values(), ProductTiling.Tile.values()).flatMap(Stream::of)
                .forEach(tile -> assertTrue(tile.sharedBytes() <= 99 << 10, () -> tile + " takes " + tile.sharedBytes()));
        assertTrue(OnePassLowering.sharedBytes() <= 99 << 10);
    }

    /** What a block with resident windows relies on: its places suffice, from wherever its rows begin. */
    @Test
    void placesHoldTheWindowsOfABlock() {
        Random random = new Random(5);
        for (int i = 0; i < 300; i++) {
            int kernel = 3 + random.nextInt(3);
            ConvolutionGeometry g = square(16, kernel + random.nextInt(20), 16, kernel, 1, random.nextInt(kernel + 1), 1);
            for (Pass pass : List.of(Pass.FORWARD, Pass.DATA)) {
                ProductShape shape = shape(pass, g, 3);
                int rows = 16 * (1 + random.nextInt(16));
                int[] counts = placesFrom(shape, rows);
                int most = Arrays.stream(counts).max().orElseThrow();
                int room = TensorTiling.places(shape, rows);
                assertTrue(most <= room, () -> most + " places of " + shape + ", room for " + room);
                int end = shape.rows() / 3 * 2;
                assertTrue(rows > end || Arrays.stream(counts, 0, end - rows + 1).max().orElseThrow() > room / 2, shape::toString);
            }
        }
    }

    /** The places between the first tap of the first row and the last tap of the last, by first row; as the kernels count. */
    private static int[] placesFrom(ProductShape shape, int rows) {
        ConvolutionGeometry g = shape.geometry();
        boolean data = shape.pass() == Pass.DATA;
        int size = data ? g.outputHeight() : g.height();
        int across = shape.rasterWidth();
        int behind = data ? across + g.padding() - size : across - g.padding() + g.kernel() - 1 - size;
        int line = Math.max(across, size + Math.max(0, Math.max(data ? g.kernel() - 1 - g.padding() : g.padding(), behind)));
        while ((line - across) % 8 != 0) {
            line++;
        }
        int image = line * Math.max(across, size + Math.max(0, Math.max(data ? g.kernel() - 1 - g.padding() : g.padding(), behind)));
        while ((image - across * across) % 8 != 0) {
            image++;
        }
        int[] place = new int[shape.rows()];
        for (int row = 0; row < place.length; row++) {
            place[row] = row / (across * across) * image + row / across % across * line + row % across;
            assertEquals(0, row == 0 ? 0 : (place[row] - place[row - 1] - 1) % 8, "neighbours are in other banks");
        }
        int reach = (g.kernel() - 1) * (line + 1);
        return IntStream.range(0, place.length)
                .map(row -> place[Math.min(row + rows, place.length) - 1] - place[row] + 1 + reach).toArray();
    }

    /** The first layer is packed to 432 terms, conv2's gradient stays in shared memory for all taps, and neither goes number by number. */
    @Test
    void alexnetHasItsOwnForms() {
        ConvolutionGeometry conv1 = square(3, 227, 96, 11, 4, 0, 1);
        ProductShape packed = PackedImage.of(shape(Pass.FORWARD, conv1, 128)).shape();
        assertEquals(432, packed.terms());
        assertEquals(57, packed.geometry().height());
        assertEquals("convolution_forward_bf16_256x96", TensorTiling.of(packed).kernel());
        assertEquals(432, PackedImage.of(shape(Pass.WEIGHTS, conv1, 128)).shape().rows());
        assertNull(PackedImage.of(shape(Pass.DATA, conv1, 128)));
        ProductShape conv2 = shape(Pass.DATA, square(96, 27, 256, 5, 1, 2, 2), 128);
        assertEquals("convolution_backward_data_bf16_resident_256x48", TensorTiling.of(conv2).kernel());
        assertNull(PackedImage.of(shape(Pass.FORWARD, square(96, 27, 256, 5, 1, 2, 2), 128)));
    }
}
