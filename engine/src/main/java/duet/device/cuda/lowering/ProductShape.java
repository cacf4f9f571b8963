package duet.device.cuda.lowering;

import java.util.Locale;

import duet.device.ConvolutionGeometry;
import duet.device.DeviceException;
import duet.device.Operation.*;
import duet.device.Tensor;

/**
 * A pass of a convolution as matrix products, one for each group (and, backward to the data, each phase of the stride). A fully
 * connected layer is a convolution of one pixel.
 *
 * @param batch      images
 * @param biasTerms  results beside the product: the gradient of a bias, else 0
 */
record ProductShape(Pass pass, String layer, ConvolutionGeometry geometry, int batch, int biasTerms) {
    enum Pass { FORWARD, DATA, WEIGHTS }

    /** Offsets within a tensor are 32-bit numbers in the kernels. */
    ProductShape {
        ConvolutionGeometry g = geometry;
        long input = (long) batch * g.channels() * g.height() * g.width();
        long output = (long) batch * g.filters() * g.outputHeight() * g.outputWidth();
        long filter = (long) g.filters() * (g.channels() / g.groups()) * g.kernel() * g.kernel();
        if (Math.max(filter, Math.max(input, output)) >= 1L << 30) {
            throw new DeviceException(String.format(Locale.ROOT,
                    "%s: %d images of %dx%dx%d with %d filters of %dx%d make a tensor of more than 2^30 numbers; use smaller batches",
                    layer, batch, g.channels(), g.height(), g.width(), g.filters(), g.kernel(), g.kernel()));
        }
    }

    static ProductShape of(Product operation) {
        return switch (operation) {
            case ConvolutionForward o -> new ProductShape(Pass.FORWARD, o.layer(), o.geometry(), o.input().batch(), 0);
            case FullyConnectedForward o -> new ProductShape(Pass.FORWARD, o.layer(), onePixel(o.weight()), o.input().batch(), 0);
            case ConvolutionBackwardData o -> new ProductShape(Pass.DATA, o.layer(), o.geometry(), o.inputGradient().batch(), 0);
            case FullyConnectedBackwardData o -> new ProductShape(Pass.DATA, o.layer(), onePixel(o.weight()), o.inputGradient().batch(), 0);
            case ConvolutionBackwardWeights o ->
                new ProductShape(Pass.WEIGHTS, o.layer(), o.geometry(), o.input().batch(), length(o.biasGradient()));
            case FullyConnectedBackwardWeights o -> new ProductShape(
                    Pass.WEIGHTS, o.layer(), onePixel(o.weightGradient()), o.input().batch(), length(o.biasGradient()));
        };
    }

    private static int length(Tensor vector) {
        return vector == null ? 0 : vector.channels();
    }

    /** The layout [height][width][channels][outputs] of the filter is [inputs][outputs]. */
    private static ConvolutionGeometry onePixel(Tensor weight) {
        return new ConvolutionGeometry(Math.toIntExact(weight.elementsPerImage()), 1, 1, weight.batch(), 1, 1, 0, 1, 1, 1);
    }

    int groupChannels() {
        return geometry.channels() / geometry.groups();
    }

    int groupFilters() {
        return geometry.filters() / geometry.groups();
    }

    /** Rows of the product: pixels, or taps backward to the weights. */
    int rows() {
        return switch (pass) {
            case FORWARD -> outputPixels();
            case DATA -> batch * rasterHeight() * rasterWidth();
            case WEIGHTS -> taps() * groupChannels();
        };
    }

    int columns() {
        return pass == Pass.DATA ? groupChannels() : groupFilters();
    }

    /** Length of the sums. */
    int terms() {
        return switch (pass) {
            case FORWARD -> taps() * groupChannels();
            case DATA -> phaseTaps() * tapsAcross() * groupFilters();
            case WEIGHTS -> outputPixels();
        };
    }

    /** Products that do not depend on each other. */
    int products() {
        return geometry.groups() * phases();
    }

    /** Backward to the data: input pixels with the same place in the stride meet the same taps. */
    int phases() {
        return pass == Pass.DATA ? geometry.stride() * geometry.stride() : 1;
    }

    /** Taps along one side of a window; backward to the data those of a phase. */
    int tapsAcross() {
        return pass == Pass.DATA ? phaseTaps() : geometry.kernel();
    }

    private int phaseTaps() {
        return (geometry.kernel() + geometry.stride() - 1) / geometry.stride();
    }

    private int taps() {
        return geometry.kernel() * geometry.kernel();
    }

    private int outputPixels() {
        return batch * geometry.outputHeight() * geometry.outputWidth();
    }

    int rasterHeight() {
        return pass == Pass.DATA ? phaseSize(geometry.height(), geometry.paddingTop()) : geometry.outputHeight();
    }

    int rasterWidth() {
        return pass == Pass.DATA ? phaseSize(geometry.width(), geometry.padding()) : geometry.outputWidth();
    }

    /** Pixels p of all phases have (p + padding) / stride in a range of this size, from padding / stride on. */
    private int phaseSize(int size, int padding) {
        return (size - 1 + padding) / geometry.stride() - padding / geometry.stride() + 1;
    }

    /** No window reaches outside its image. */
    boolean inside() {
        ConvolutionGeometry g = geometry;
        return pass != Pass.DATA && g.padding() == 0 && g.paddingTop() == 0
                && (g.outputHeight() - 1) * g.stride() + g.kernel() <= g.height()
                && (g.outputWidth() - 1) * g.stride() + g.kernel() <= g.width();
    }

    /** Elements of the tensor that the product makes. */
    long results() {
        return switch (pass) {
            case FORWARD -> (long) outputPixels() * geometry.filters();
            case DATA -> (long) batch * geometry.height() * geometry.width() * geometry.channels();
            case WEIGHTS -> (long) rows() * geometry.filters();
        };
    }

    /** Elements from the partial sums of one split to those of the next. */
    long splitStride() {
        return (results() + biasTerms + 3) / 4 * 4;
    }
}
