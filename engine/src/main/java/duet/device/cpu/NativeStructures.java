package duet.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

import duet.bindings.cpu.duet_convolution;
import duet.bindings.cpu.duet_pooling;
import duet.bindings.cpu.duet_spatial_norm;
import duet.device.ConvolutionGeometry;
import duet.device.PoolingGeometry;
import duet.device.SpatialNorm;
import duet.device.Tensor;

/** The C structures that describe an operation to the native functions. */
final class NativeStructures {
    private NativeStructures() {}

    static MemorySegment convolution(Arena arena, ConvolutionGeometry g, int batch) {
        return convolution(arena, batch, g.channels(), g.height(), g.width(), g.filters(), g.kernel(), g.kernel(), g.stride(), g.padding(),
                g.paddingTop(), g.groups(), g.outputHeight(), g.outputWidth());
    }

    /** A fully connected layer: a convolution whose kernel covers the whole input. */
    static MemorySegment fullyConnected(Arena arena, Tensor weight, int batch) {
        return convolution(arena, batch, weight.channels(), weight.height(), weight.width(), weight.batch(), weight.height(),
                weight.width(), 1, 0, 0, 1, 1, 1);
    }

    /** What packing a filter needs: the sizes of the filter and its groups; the image is one that the kernel just covers. */
    static MemorySegment filter(Arena arena, Tensor weight) {
        return convolution(arena, 1, weight.channels() * weight.groups(), weight.height(), weight.width(), weight.batch(),
                weight.height(), weight.width(), 1, 0, 0, weight.groups(), 1, 1);
    }

    private static MemorySegment convolution(Arena arena, int batch, int channels, int height, int width, int filters, int kernelHeight,
            int kernelWidth, int stride, int padding, int paddingTop, int groups, int outputHeight, int outputWidth) {
        MemorySegment c = duet_convolution.allocate(arena);
        duet_convolution.batch(c, batch);
        duet_convolution.channels(c, channels);
        duet_convolution.height(c, height);
        duet_convolution.width(c, width);
        duet_convolution.filters(c, filters);
        duet_convolution.kernel_height(c, kernelHeight);
        duet_convolution.kernel_width(c, kernelWidth);
        duet_convolution.stride(c, stride);
        duet_convolution.padding(c, padding);
        duet_convolution.padding_top(c, paddingTop);
        duet_convolution.groups(c, groups);
        duet_convolution.output_height(c, outputHeight);
        duet_convolution.output_width(c, outputWidth);
        return c;
    }

    static MemorySegment pooling(Arena arena, PoolingGeometry g, int batch) {
        MemorySegment p = duet_pooling.allocate(arena);
        duet_pooling.batch(p, batch);
        duet_pooling.channels(p, g.channels());
        duet_pooling.height(p, g.height());
        duet_pooling.width(p, g.width());
        duet_pooling.window(p, g.window());
        duet_pooling.stride(p, g.stride());
        duet_pooling.padding(p, g.padding());
        duet_pooling.padding_top(p, g.paddingTop());
        duet_pooling.output_height(p, g.outputHeight());
        duet_pooling.output_width(p, g.outputWidth());
        return p;
    }

    static MemorySegment spatialNorm(Arena arena, SpatialNorm norm, Tensor input) {
        MemorySegment n = duet_spatial_norm.allocate(arena);
        duet_spatial_norm.batch(n, input.batch());
        duet_spatial_norm.channels(n, input.channels());
        duet_spatial_norm.height(n, input.height());
        duet_spatial_norm.width(n, input.width());
        duet_spatial_norm.size(n, norm.size());
        duet_spatial_norm.alpha(n, norm.alpha());
        duet_spatial_norm.beta(n, norm.beta());
        duet_spatial_norm.k(n, norm.k());
        return n;
    }
}
