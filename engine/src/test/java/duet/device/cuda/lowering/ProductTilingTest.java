package duet.device.cuda.lowering;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;

import duet.device.ConvolutionGeometry;
import duet.device.DeviceException;
import duet.device.Precision;
import duet.device.cuda.lowering.ProductShape.Pass;
import org.junit.jupiter.api.Test;

class ProductTilingTest {
    private static final int H100 = 132;

    private static ConvolutionGeometry square(int channels, int size, int filters, int kernel, int stride, int padding, int groups) {
        int output = (size + 2 * padding - kernel) / stride + 1;
        return new ConvolutionGeometry(channels, size, size, filters, kernel, stride, padding, groups, output, output);
    }

    @Test
    void tilesAndSplitsCoverTheProductOnce() {
        Random random = new Random(3);
        for (int i = 0; i < 500; i++) {
            int groups = 1 + random.nextInt(3);
            int kernel = 1 + random.nextInt(7);
            ConvolutionGeometry g = square(groups * (1 + random.nextInt(40)), kernel + random.nextInt(20),
                    groups * (1 + random.nextInt(300)), kernel,
                    1 + random.nextInt(4), random.nextInt(kernel), groups);
            for (Pass pass : Pass.values()) {
                ProductShape shape = new ProductShape(pass, "conv", g, 1 + random.nextInt(64), pass == Pass.WEIGHTS ? g.filters() : 0);
                requireCovered(shape, ProductTiling.of(shape, 1 + random.nextInt(160)));
                requireCovered(shape, SplitTiling.of(shape, Precision.BF16X3));
                requireCovered(shape, SplitTiling.of(shape, Precision.BF16X6));
            }
        }
    }

    private static void requireCovered(ProductShape shape, ProductTiling t) {
        int across = t.tilesAcross(shape);
        int down = t.tiles(shape) / across;
        assertEquals(0, t.tiles(shape) % across);
        assertTrue(across * t.tile().columns() >= shape.columns() && (across - 1) * t.tile().columns() < shape.columns());
        assertTrue(down * t.tile().rows() >= shape.rows() && (down - 1) * t.tile().rows() < shape.rows());
        assertEquals(0, t.termsPerSplit() % ProductTiling.SLICE);
        assertTrue((long) t.splits() * t.termsPerSplit() >= shape.terms() && (t.splits() - 1) * t.termsPerSplit() < shape.terms());
        assertEquals(t.splits() == 1, t.workspaceBytes(shape) == 0);
    }

    /** A warp for each scheduler, and tiles as wide as the filters: 48 columns need no 64. */
    @Test
    void tilesOnTensorCores() {
        ConvolutionGeometry conv1 = square(3, 227, 96, 11, 4, 0, 1);
        ConvolutionGeometry conv2 = square(96, 27, 256, 5, 1, 2, 2);
        ConvolutionGeometry conv3 = square(256, 13, 384, 3, 1, 1, 1);
        for (Precision precision : new Precision[] {Precision.BF16X3, Precision.BF16X6}) {
            assertEquals("convolution_forward_" + precision + "_image_96x96", kernel(Pass.FORWARD, conv1, precision));
            assertEquals("convolution_backward_weights_" + precision + "_image_96x96", kernel(Pass.WEIGHTS, conv1, precision));
            assertEquals("convolution_backward_data_" + precision + "_scalar", kernel(Pass.DATA, conv1, precision));
            assertEquals("convolution_forward_" + precision + "_96x128", kernel(Pass.FORWARD, conv2, precision));
            assertEquals("convolution_backward_data_" + precision + "_256x48", kernel(Pass.DATA, conv2, precision));
            assertEquals("convolution_forward_" + precision + "_128x96", kernel(Pass.FORWARD, conv3, precision));
        }
    }

    private static String kernel(Pass pass, ConvolutionGeometry g, Precision precision) {
        ProductTiling tiling = SplitTiling.of(new ProductShape(pass, "conv", g, 128, 0), precision);
        assertEquals(0, tiling.tile().threads() % 128);
        return tiling.kernel();
    }

    /** Input pixels of all phases together are at least the image: none is left without a gradient. */
    @Test
    void phasesCoverTheImage() {
        for (int stride = 1; stride < 6; stride++) {
            for (int padding = 0; padding < 7; padding++) {
                for (int size = 1; size < 30; size++) {
                    int top = 6 - padding;
                    ConvolutionGeometry g = new ConvolutionGeometry(1, size, size, 1, 7, stride, padding, top, 1, 1, 1);
                    ProductShape shape = new ProductShape(Pass.DATA, "conv", g, 1, 0);
                    for (int pixel = 0; pixel < size; pixel++) {
                        int row = (pixel + top) / stride - top / stride;
                        int column = (pixel + padding) / stride - padding / stride;
                        assertTrue(row >= 0 && row < shape.rasterHeight() && column >= 0 && column < shape.rasterWidth());
                    }
                }
            }
        }
    }

    @Test
    void smallBatchesFillTheDevice() {
        ConvolutionGeometry fc6 = square(9216, 1, 4096, 1, 1, 0, 1);
        for (Pass pass : Pass.values()) {
            ProductShape shape = new ProductShape(pass, "fc6", fc6, 128, 0);
            ProductTiling t = ProductTiling.of(shape, H100);
            assertTrue(t.tiles(shape) * t.splits() >= 0.9 * H100, pass + ": " + t);
        }
    }

    @Test
    void firstLayerHasItsOwnKernels() {
        ConvolutionGeometry conv1 = square(3, 227, 96, 11, 4, 0, 1);
        assertEquals("convolution_forward_image_128x96",
                ProductTiling.of(new ProductShape(Pass.FORWARD, "conv1", conv1, 128, 0), H100).kernel());
        assertEquals("convolution_backward_weights_image_128x96",
                ProductTiling.of(new ProductShape(Pass.WEIGHTS, "conv1", conv1, 128, 96), H100).kernel());
        assertEquals("convolution_backward_data_scalar",
                ProductTiling.of(new ProductShape(Pass.DATA, "conv1", conv1, 128, 0), H100).kernel());
    }

    @Test
    void tensorsTooLargeForTheKernelsAreRefused() {
        ConvolutionGeometry conv1 = square(3, 227, 96, 11, 4, 0, 1);
        assertThrows(DeviceException.class, () -> new ProductShape(Pass.FORWARD, "conv1", conv1, 4096, 0));
    }
}
