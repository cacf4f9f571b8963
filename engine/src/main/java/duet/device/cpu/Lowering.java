package duet.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

import duet.bindings.cpu.DuetCpu;
import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Philox;
import duet.device.ResponseNorm;
import duet.device.Tensor;

/** Turns operations into prepared calls of the native kernels, for one device. */
final class Lowering {
    private final Arena arena;
    private final MemorySegment team;
    private final CpuLayout layout;
    private final Function<Tensor, MemorySegment> memory;
    private final Preparation preparation;

    /** Where the prepared form of a filter will be when the calls are made. */
    interface Preparation {
        /** @return NULL where the filter is to be used as it is */
        MemorySegment prepared(String layer, MemorySegment product, MemorySegment filter);
    }

    /**
     * @param arena  holds the structures that the calls point to
     * @param layout of inference where filters are prepared
     * @param memory where each tensor lies; NULL for null
     */
    Lowering(Arena arena, MemorySegment team, CpuLayout layout, Function<Tensor, MemorySegment> memory, Preparation preparation) {
        this.preparation = preparation;
        this.arena = arena;
        this.team = team;
        this.layout = layout;
        this.memory = tensor -> tensor == null ? MemorySegment.NULL : memory.apply(tensor);
    }

    /**
     * Whether the second operation can be done by the first one's kernel: ReLU in place on a convolution's or fully connected
     * layer's output.
     */
    static boolean fuses(Operation first, Operation second) {
        return second instanceof ActivationForward relu && relu.function() == Activation.RELU && relu.input().equals(relu.output())
                && switch (first) {
                    case ConvolutionForward o -> o.output().equals(relu.input());
                    case FullyConnectedForward o -> o.output().equals(relu.input());
                    default -> false;
                };
    }

    /** @param relu the operation is fused with the ReLU that follows it */
    NativeCall lower(Operation operation, boolean relu, MemorySegment workspace) {
        return switch (operation) {
            case ConvolutionForward o -> forward(o, o.input(), o.weight(), o.bias(), relu, o.output(), workspace);
            case FullyConnectedForward o -> forward(o, o.input(), o.weight(), o.bias(), relu, o.output(), workspace);
            case ConvolutionBackwardData o -> backwardData(o, o.outputGradient(), o.weight(), o.inputGradient(), workspace);
            case FullyConnectedBackwardData o -> backwardData(o, o.outputGradient(), o.weight(), o.inputGradient(), workspace);
            case ConvolutionBackwardWeights o ->
                backwardWeights(o, o.input(), o.outputGradient(), o.weightGradient(), o.biasGradient(), workspace);
            case FullyConnectedBackwardWeights o ->
                backwardWeights(o, o.input(), o.outputGradient(), o.weightGradient(), o.biasGradient(), workspace);
            case ActivationForward o -> activation(o);
            case ActivationBackward o -> activation(o);
            case ResponseNormForward o -> norm(o);
            case ResponseNormBackward o -> norm(o);
            case SpatialNormForward o -> norm(o);
            case SpatialNormBackward o -> norm(o, workspace);
            case MaxPoolForward o -> pool(o);
            case MaxPoolBackward o -> pool(o);
            case AveragePoolForward o -> pool(o);
            case AveragePoolBackward o -> pool(o);
            case Dropout o -> dropout(o);
            case Scale o -> scale(o);
            case Add o -> add(o);
            case Stronger o -> stronger(o);
            case SoftmaxCrossEntropy o -> softmax(o);
            case Gather o -> gather(o);
            case Slice o -> slice(o);
            case AddToSlice o -> addToSlice(o);
            case FiniteCheck o -> finiteCheck(o);
            case SgdUpdate o -> update(o);
            case FilterRenormalise o -> renormalise(o);
            case PrepareInput o -> prepare(o);
        };
    }

    private NativeCall forward(
            Product o, Tensor input, Tensor weight, Tensor bias, boolean relu, Tensor output, MemorySegment workspace) {
        MemorySegment product = layout.product(arena, o);
        MemorySegment x = memory.apply(input), w = memory.apply(weight), b = memory.apply(bias), y = memory.apply(output);
        int withRelu = relu ? 1 : 0;
        MemorySegment prepared = preparation.prepared(o.layer(), product, w);
        return prepared.equals(MemorySegment.NULL)
                ? p -> DuetCpu.duet_convolution_forward(team, product, x, w, b, withRelu, y, workspace)
                : p -> DuetCpu.duet_convolution_forward_prepared(team, product, x, prepared, b, withRelu, y, workspace);
    }

    private NativeCall backwardData(Product o, Tensor outputGradient, Tensor weight, Tensor inputGradient, MemorySegment workspace) {
        MemorySegment product = layout.product(arena, o);
        MemorySegment dy = memory.apply(outputGradient), w = memory.apply(weight), dx = memory.apply(inputGradient);
        return p -> DuetCpu.duet_convolution_backward_data(team, product, dy, w, dx, workspace);
    }

    private NativeCall backwardWeights(
            Product o, Tensor input, Tensor outputGradient, Tensor weightGradient, Tensor biasGradient, MemorySegment workspace) {
        MemorySegment product = layout.product(arena, o);
        MemorySegment x = memory.apply(input), dy = memory.apply(outputGradient);
        MemorySegment dw = memory.apply(weightGradient), db = memory.apply(biasGradient);
        return p -> DuetCpu.duet_convolution_backward_weights(team, product, x, dy, dw, db, workspace);
    }

    private NativeCall activation(ActivationForward o) {
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output());
        long count = layout.floats(o.output());
        return switch (o.function()) {
            case RELU -> p -> DuetCpu.duet_relu_forward(team, count, x, y);
            case TANH -> p -> DuetCpu.duet_tanh_forward(team, count, x, y);
        };
    }

    private NativeCall activation(ActivationBackward o) {
        MemorySegment y = memory.apply(o.output()), dy = memory.apply(o.outputGradient()), dx = memory.apply(o.inputGradient());
        long count = layout.floats(o.output());
        return switch (o.function()) {
            case RELU -> p -> DuetCpu.duet_relu_backward(team, count, y, dy, dx);
            case TANH -> p -> DuetCpu.duet_tanh_backward(team, count, y, dy, dx);
        };
    }

    private static long pixels(Tensor tensor) {
        return (long) tensor.batch() * tensor.height() * tensor.width();
    }

    private NativeCall norm(ResponseNormForward o) {
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output());
        ResponseNorm n = o.norm();
        long pixels = pixels(o.input());
        int channels = o.input().channels();
        return p -> DuetCpu.duet_response_norm_forward(
                team, pixels, channels, n.groups(), n.size(), n.alpha(), n.beta(), n.k(), x, y);
    }

    private NativeCall norm(ResponseNormBackward o) {
        MemorySegment x = memory.apply(o.input()), dy = memory.apply(o.outputGradient()), dx = memory.apply(o.inputGradient());
        ResponseNorm n = o.norm();
        long pixels = pixels(o.input());
        int channels = o.input().channels();
        return p -> DuetCpu.duet_response_norm_backward(
                team, pixels, channels, n.groups(), n.size(), n.alpha(), n.beta(), n.k(), x, dy, dx);
    }

    private NativeCall norm(SpatialNormForward o) {
        MemorySegment norm = NativeStructures.spatialNorm(arena, o.norm(), o.input());
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output());
        return p -> DuetCpu.duet_spatial_norm_forward(team, norm, x, y);
    }

    private NativeCall norm(SpatialNormBackward o, MemorySegment workspace) {
        MemorySegment norm = NativeStructures.spatialNorm(arena, o.norm(), o.input());
        MemorySegment x = memory.apply(o.input()), dy = memory.apply(o.outputGradient()), dx = memory.apply(o.inputGradient());
        return p -> DuetCpu.duet_spatial_norm_backward(team, norm, x, dy, dx, workspace);
    }

    private NativeCall pool(MaxPoolForward o) {
        MemorySegment geometry = NativeStructures.pooling(arena, o.geometry(), o.input().batch());
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output()), winners = memory.apply(o.winners());
        return p -> DuetCpu.duet_max_pool_forward(team, geometry, x, y, winners);
    }

    private NativeCall pool(MaxPoolBackward o) {
        MemorySegment geometry = NativeStructures.pooling(arena, o.geometry(), o.inputGradient().batch());
        MemorySegment winners = memory.apply(o.winners()), dy = memory.apply(o.outputGradient()), dx = memory.apply(o.inputGradient());
        return p -> DuetCpu.duet_max_pool_backward(team, geometry, winners, dy, dx);
    }

    private NativeCall pool(AveragePoolForward o) {
        MemorySegment geometry = NativeStructures.pooling(arena, o.geometry(), o.input().batch());
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output());
        return p -> DuetCpu.duet_average_pool_forward(team, geometry, x, y);
    }

    private NativeCall pool(AveragePoolBackward o) {
        MemorySegment geometry = NativeStructures.pooling(arena, o.geometry(), o.inputGradient().batch());
        MemorySegment dy = memory.apply(o.outputGradient()), dx = memory.apply(o.inputGradient());
        return p -> DuetCpu.duet_average_pool_backward(team, geometry, dy, dx);
    }

    private NativeCall dropout(Dropout o) {
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output());
        Tensor t = o.input();
        int threshold = Philox.threshold(o.rate());
        return p -> DuetCpu.duet_dropout(team, t.batch(), t.channels(), t.height(), t.width(), o.firstImage(), o.totalChannels(),
                o.firstChannel(), o.totalHeight(), o.firstRow(), p.seed(), o.purpose(), p.step(), threshold, o.scale(), x, y);
    }

    private NativeCall scale(Scale o) {
        MemorySegment x = memory.apply(o.input()), y = memory.apply(o.output());
        long count = layout.floats(o.output());
        return p -> DuetCpu.duet_scale(team, count, x, o.factor(), y);
    }

    private NativeCall add(Add o) {
        MemorySegment left = memory.apply(o.left()), right = memory.apply(o.right()), sum = memory.apply(o.output());
        long count = layout.floats(o.output());
        return p -> DuetCpu.duet_add(team, count, left, right, sum);
    }

    private NativeCall stronger(Stronger o) {
        MemorySegment left = memory.apply(o.left()), right = memory.apply(o.right()), stronger = memory.apply(o.output());
        int batch = o.output().batch();
        long count = o.output().elementsPerImage();
        return p -> DuetCpu.duet_stronger(team, batch, count, left, right, stronger);
    }

    private NativeCall softmax(SoftmaxCrossEntropy o) {
        MemorySegment logits = memory.apply(o.logits()), labels = memory.apply(o.labels()), losses = memory.apply(o.losses());
        MemorySegment ranks = memory.apply(o.ranks()), probabilities = memory.apply(o.probabilities());
        MemorySegment gradient = memory.apply(o.inputGradient());
        int batch = o.logits().batch(), classes = o.logits().channels();
        return p -> DuetCpu.duet_softmax_cross_entropy(team, batch, classes, logits, labels, losses, ranks, probabilities, gradient,
                o.divisor());
    }

    private NativeCall gather(Gather o) {
        List<NativeCall> copies = new ArrayList<>();
        int first = 0;
        for (Tensor part : o.parts()) {
            int length = o.axis().length(part);
            copies.add(copy(part, o.whole(), Block.of(o.axis(), part, 0, o.whole(), first, length)));
            first += length;
        }
        return p -> {
            int status = DuetCpu.DUET_DONE();
            for (int i = 0; i < copies.size() && status == DuetCpu.DUET_DONE(); i++) {
                status = copies.get(i).launch(p);
            }
            return status;
        };
    }

    private NativeCall slice(Slice o) {
        return copy(o.whole(), o.part(), Block.of(o.axis(), o.whole(), o.first(), o.part(), 0, o.axis().length(o.part())));
    }

    private NativeCall copy(Tensor source, Tensor target, Block block) {
        Block b = source.format() == Tensor.Format.FILTER ? outputs(source, target, block) : block;
        MemorySegment from = memory.apply(source), to = memory.apply(target);
        return p -> DuetCpu.duet_copy_block(team, b.outer(), b.count(), from, b.fromPitch(), b.fromFirst(), to, b.toPitch(), b.toFirst());
    }

    /** Whole blocks of outputs of a filter, which lie behind each other; so do groups of whole blocks. */
    private Block outputs(Tensor source, Tensor target, Block block) {
        Tensor part = source.batch() < target.batch() ? source : target;
        Tensor whole = source.equals(part) ? target : source;
        long first = Math.max(block.fromFirst(), block.toFirst()) / part.elementsPerImage();
        long end = first + part.batch();
        int size = DuetCpu.duet_filter_block();
        boolean blocks = first % size == 0 && (end == whole.batch() || end % size == 0);
        boolean groups = whole.groups() == 1 || whole.batch() / whole.groups() % size == 0;
        if (block.outer() != 1 || part.groups() != 1 || !groups || !blocks) {
            throw new IllegalArgumentException(
                    "outputs " + first + " to " + (end - 1) + " of " + whole + " are not whole blocks of " + size);
        }
        return new Block(1, layout.floats(part), block.fromPitch(), block.fromFirst(), block.toPitch(), block.toFirst());
    }

    private NativeCall addToSlice(AddToSlice o) {
        MemorySegment from = memory.apply(o.part()), to = memory.apply(o.whole());
        Block b = Block.of(o.axis(), o.part(), 0, o.whole(), o.first(), o.axis().length(o.part()));
        return p -> DuetCpu.duet_add_block(team, b.outer(), b.count(), from, b.fromPitch(), b.fromFirst(), to, b.toPitch(), b.toFirst());
    }

    private NativeCall finiteCheck(FiniteCheck o) {
        MemorySegment values = memory.apply(o.tensor()), status = memory.apply(o.status()).asSlice(4L * o.index(), 4);
        long count = layout.floats(o.tensor());
        return p -> DuetCpu.duet_finite_check(team, count, values, status);
    }

    private NativeCall update(SgdUpdate o) {
        MemorySegment g = memory.apply(o.gradient()), w = memory.apply(o.weight()), v = memory.apply(o.momentum());
        long count = layout.floats(o.weight());
        int i = o.rateIndex();
        return p -> DuetCpu.duet_sgd_update(team, count, g, w, v, p.learningRates()[i], p.weightDecays()[i], p.momentum());
    }

    private NativeCall renormalise(FilterRenormalise o) {
        MemorySegment filter = NativeStructures.filter(arena, o.weight()), w = memory.apply(o.weight());
        return p -> DuetCpu.duet_filter_renormalise(team, filter, o.radius(), w);
    }

    private NativeCall prepare(PrepareInput o) {
        MemorySegment images = memory.apply(o.images()), crops = memory.apply(o.crops()), mean = memory.apply(o.mean());
        MemorySegment shift = memory.apply(o.colourShift()), output = memory.apply(o.output());
        Tensor s = o.images(), t = o.output();
        return p -> DuetCpu.duet_prepare_input(
                team, t.batch(), t.channels(), s.height(), s.width(), t.height(), t.width(), images, crops, mean, shift, o.scale(), output);
    }
}
