package duet.device.cuda.lowering;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

import duet.bindings.cuda.kernels.duet_convolution;
import duet.bindings.cuda.kernels.duet_reduction;
import duet.device.ConvolutionGeometry;
import duet.device.Operation.*;
import duet.device.Precision;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.lowering.ProductShape.Pass;

/** Launches for convolutions and fully connected layers: the product, and where its sums are split the sum of the splits. */
final class ProductLowering {
    private static final int REDUCE_THREADS = 128;

    private final Site site;
    private final ProductForm form;
    private final ProductShape shape;
    private final ProductTiling tiling;
    private final List<KernelCall> launches = new ArrayList<>();

    private ProductLowering(Site site, Product operation) {
        this.site = site;
        this.form = ProductForm.of(operation, site.multiprocessors(), site.layout());
        this.shape = form.shape();
        this.tiling = form.tiling();
        site.requireWorkspace(operation, form.workspaceBytes());
    }

    /** @param fusion the activation and the search for NaN and infinity, in the output */
    static List<KernelCall> forward(Site site, Product operation, Fusion fusion) {
        ProductLowering l = new ProductLowering(site, operation);
        switch (operation) {
            case ConvolutionForward o -> l.forward(o.input(), o.weight(), o.bias(), o.output(), fusion);
            case FullyConnectedForward o -> l.forward(o.input(), o.weight(), o.bias(), o.output(), fusion);
            default -> throw new IllegalArgumentException(operation.kind());
        }
        return l.launches;
    }

    /** @param fusion the gradient of a ReLU, and perhaps of a dropout */
    static List<KernelCall> backwardData(Site site, Product operation, Fusion fusion) {
        ProductLowering l = new ProductLowering(site, operation);
        switch (operation) {
            case ConvolutionBackwardData o -> l.backwardData(o.outputGradient(), o.weight(), o.inputGradient(), fusion);
            case FullyConnectedBackwardData o -> l.backwardData(o.outputGradient(), o.weight(), o.inputGradient(), fusion);
            default -> throw new IllegalArgumentException(operation.kind());
        }
        return l.launches;
    }

    /** @param fusion the updates of the parameters */
    static List<KernelCall> backwardWeights(Site site, Product operation, Fusion fusion) {
        ProductLowering l = new ProductLowering(site, operation);
        switch (operation) {
            case ConvolutionBackwardWeights o ->
                l.backwardWeights(o.input(), o.outputGradient(), o.weightGradient(), o.biasGradient(), fusion);
            case FullyConnectedBackwardWeights o ->
                l.backwardWeights(o.input(), o.outputGradient(), o.weightGradient(), o.biasGradient(), fusion);
            default -> throw new IllegalArgumentException(operation.kind());
        }
        return l.launches;
    }

    private boolean bf16() {
        return site.layout().precision() == Precision.BF16;
    }

    /** The number of a function in {@code duet_reduction}, 0 for none; {@code duet_convolution} knows 0 and 1. */
    private static int function(Activation activation) {
        return switch (activation) {
            case null -> 0;
            case RELU -> 1;
            case TANH -> 2;
        };
    }

    /** What the product's kernel cannot apply is applied by the sum of the splits, in place where there is one split. */
    private void forward(Tensor input, Tensor weight, Tensor bias, Tensor output, Fusion fusion) {
        MemorySegment product = product(input, weight, output);
        Activation activation = fusion.activation() == null ? null : fusion.activation().function();
        int function = function(activation);
        long status = fusion.check() == null ? 0 : address(fusion.check().status()) + (long) Integer.BYTES * fusion.check().index();
        if (tiling.splits() == 1 && (function <= 1 || bf16())) {
            duet_convolution.bias(product, address(bias));
            duet_convolution.rectify(product, function <= 1 ? function : 0);
            if (function <= 1) {
                duet_convolution.status(product, status);
                return;
            }
            // The sum of the splits works in place on floats alone.
            launches.addAll(ElementwiseLowering.lower(site, new ActivationForward(shape.layer(), activation, output, output)));
            if (fusion.check() != null) {
                launches.addAll(ElementwiseLowering.lower(site, fusion.check()));
            }
            return;
        }
        Numbers numbers = bf16() ? Numbers.BF16 : Numbers.FLOAT;
        MemorySegment sums = sums(output, numbers.kernel(fusion.dropout() == null ? "" : "_dropout"));
        if (fusion.dropout() != null) {
            ElementwiseLowering.dropping(site, fusion.dropout(), duet_reduction.dropping(sums));
        }
        duet_reduction.bias(sums, address(bias));
        duet_reduction.activation(sums, function);
        duet_reduction.status(sums, status);
    }

    private void backwardData(Tensor outputGradient, Tensor weight, Tensor inputGradient, Fusion fusion) {
        MemorySegment product = product(outputGradient, weight, inputGradient);
        long mask = fusion.reluBackward() == null ? 0 : address(fusion.reluBackward().output());
        if (tiling.splits() == 1) {
            duet_convolution.mask(product, mask);
            duet_convolution.mask_scale(product, fusion.maskScale());
        } else {
            MemorySegment sums = sums(inputGradient);
            duet_reduction.mask(sums, mask);
            duet_reduction.mask_scale(sums, fusion.maskScale());
        }
    }

    /** The scalar kernels have no update of their own. */
    private void backwardWeights(Tensor input, Tensor outputGradient, Tensor weightGradient, Tensor biasGradient, Fusion fusion) {
        MemorySegment product = product(input, outputGradient, weightGradient);
        SgdUpdate weight = fusion.update(weightGradient);
        SgdUpdate bias = biasGradient == null ? null : fusion.update(biasGradient);
        if (form.direct()) {
            duet_convolution.bias(product, address(biasGradient));
            if (tiling.tile().scalar()) {
                update(weight, bias);
            } else {
                ElementwiseLowering.update(site, weight, duet_convolution.update(product));
                ElementwiseLowering.update(site, bias, duet_convolution.bias_update(product));
            }
            return;
        }
        duet_convolution.bias(product, biasGradient == null ? 0 : form.partial(site) + shape.results() * Float.BYTES);
        if (form.packed() != null) {
            launches.add(form.packed().unpackGradient(site, form.partial(site), tiling.splits(), weightGradient, biasGradient, fusion));
            return;
        }
        MemorySegment sums = sums(weightGradient, bf16() && weight != null ? "_planes" : "");
        duet_reduction.tail_result(sums, address(biasGradient));
        ElementwiseLowering.update(site, weight, duet_reduction.update(sums));
        ElementwiseLowering.update(site, bias, duet_reduction.tail_update(sums));
    }

    private void update(SgdUpdate weight, SgdUpdate bias) {
        Stream.of(weight, bias).filter(Objects::nonNull).forEach(o -> launches.addAll(ElementwiseLowering.lower(site, o)));
    }

    private long address(Tensor tensor) {
        return Grids.address(site, tensor);
    }

    private MemorySegment product(Tensor gathered, Tensor dense, Tensor result) {
        if (form.packed() != null) {
            return packedProduct(form.packed(), form.given(), address(gathered), dense, result);
        }
        return product(address(gathered), address(dense), result);
    }

    private MemorySegment packedProduct(PackedImage packed, PackedInput given, long input, Tensor dense, Tensor result) {
        long workspace = site.workspace();
        long images = given == null ? workspace : input;
        if (given == null) {
            launches.add(packed.packImage(site, input, images));
            workspace += packed.imageBytes();
        }
        if (shape.pass() != Pass.FORWARD) {
            return product(images, address(dense), result);
        }
        if (given != null && dense.equals(given.filter())) {
            return product(images, given.filterAddress(input), result);
        }
        launches.add(packed.packFilter(site, address(dense), workspace));
        return product(images, workspace, result);
    }

    private MemorySegment product(long gathered, long dense, Tensor result) {
        ConvolutionGeometry g = shape.geometry();
        boolean data = shape.pass() == Pass.DATA;
        MemorySegment p = duet_convolution.allocate(site.arena());
        p.fill((byte) 0);
        duet_convolution.gathered(p, gathered);
        duet_convolution.dense(p, dense);
        duet_convolution.result(p, form.direct() ? address(result) : form.partial(site));
        duet_convolution.split_stride(p, shape.splitStride());
        duet_convolution.rows(p, shape.rows());
        duet_convolution.columns(p, shape.columns());
        duet_convolution.terms(p, shape.terms());
        duet_convolution.terms_per_split(p, tiling.termsPerSplit());
        duet_convolution.tiles_across(p, tiling.tilesAcross(shape));
        duet_convolution.height(p, data ? g.outputHeight() : g.height());
        duet_convolution.width(p, data ? g.outputWidth() : g.width());
        duet_convolution.channels(p, data ? g.filters() : g.channels());
        duet_convolution.step(p, data ? 1 : g.stride());
        duet_convolution.origin_y(p, data ? g.paddingTop() / g.stride() : -g.paddingTop());
        duet_convolution.origin_x(p, data ? g.padding() / g.stride() : -g.padding());
        duet_convolution.result_channels(p, data ? g.channels() : g.filters());
        Grids.divisor(duet_convolution.raster_area(p), shape.rasterHeight() * shape.rasterWidth());
        Grids.divisor(duet_convolution.raster_width(p), shape.rasterWidth());
        Grids.divisor(duet_convolution.depth(p), data ? shape.groupFilters() : shape.groupChannels());
        Grids.divisor(duet_convolution.taps_across(p), shape.tapsAcross());
        duet_convolution.stride(p, g.stride());
        duet_convolution.padding_top(p, g.paddingTop());
        duet_convolution.padding(p, g.padding());
        duet_convolution.kernel(p, g.kernel());
        duet_convolution.phases(p, shape.phases());
        duet_convolution.result_height(p, g.height());
        duet_convolution.result_width(p, g.width());
        duet_convolution.inside(p, shape.inside() ? 1 : 0);
        launches.add(
                new KernelCall(tiling.kernel(), tiling.tiles(shape), shape.products(), tiling.splits(), tiling.tile().threads(),
                        tiling.tile().sharedBytes(), p));
        return p;
    }

    /** The sum of the splits, to the result; with one split it works in place. */
    private MemorySegment sums(Tensor result) {
        return sums(result, bf16() ? "_bf16" : "");
    }

    /** @param suffix of the kernel */
    private MemorySegment sums(Tensor result, String suffix) {
        long elements = shape.results();
        int channels = shape.pass() == Pass.DATA ? shape.geometry().channels() : shape.geometry().filters();
        MemorySegment p = duet_reduction.allocate(site.arena());
        p.fill((byte) 0);
        duet_reduction.partial(p, form.direct() ? address(result) : form.partial(site));
        duet_reduction.result(p, address(result));
        duet_reduction.split_stride(p, shape.splitStride());
        duet_reduction.elements(p, elements);
        duet_reduction.tail(p, shape.biasTerms());
        Grids.divisor(duet_reduction.channels(p), channels);
        duet_reduction.splits(p, tiling.splits());
        boolean fours = elements % 4 == 0 && shape.biasTerms() % 4 == 0 && channels % 4 == 0;
        long threads = Math.ceilDiv(elements + shape.biasTerms(), fours ? 4 : 1);
        int blocks = (int) Math.min(Math.ceilDiv(threads, REDUCE_THREADS), 8L * site.multiprocessors());
        String kernel = "product_reduce" + suffix + (fours ? "" : "_scalar");
        launches.add(new KernelCall(kernel, blocks, 1, 1, REDUCE_THREADS, 0, p));
        return p;
    }
}
