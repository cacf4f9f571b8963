package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;
import static duet.device.cuda.lowering.Grids.strides;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_dropout;
import duet.bindings.cuda.kernels.duet_dropping;
import duet.bindings.cuda.kernels.duet_elementwise;
import duet.bindings.cuda.kernels.duet_filter_renormalise;
import duet.bindings.cuda.kernels.duet_finite;
import duet.bindings.cuda.kernels.duet_sgd;
import duet.bindings.cuda.kernels.duet_stronger;
import duet.bindings.cuda.kernels.duet_update;
import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Philox;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches for operations that treat each element, or each image, by itself. None needs scratch memory. */
final class ElementwiseLowering {
    private ElementwiseLowering() {}

    private static final int FILTERS_OF_A_BLOCK = 32;

    static List<KernelCall> lower(Site site, Operation operation) {
        return switch (operation) {
            case ActivationForward o -> List.of(elementwise(site, o, kernel(o.function()) + "_forward", o.input(), null, o.output()));
            case ActivationBackward o -> List.of(elementwise(
                    site, o, kernel(o.function()) + "_backward", o.output(), o.outputGradient(), o.inputGradient()));
            case Scale o -> List.of(scale(site, o));
            case Add o -> List.of(elementwise(site, o, "elementwise_add", o.left(), o.right(), o.output()));
            case Stronger o -> List.of(stronger(site, o));
            case Dropout o -> List.of(dropout(site, o));
            case FiniteCheck o -> List.of(finiteCheck(site, o));
            case SgdUpdate o -> List.of(update(site, o));
            case FilterRenormalise o -> List.of(renormalise(site, o));
            default -> throw new IllegalArgumentException(operation.kind());
        };
    }

    private static String kernel(Activation function) {
        return switch (function) {
            case RELU -> "relu";
            case TANH -> "tanh";
        };
    }

    private static KernelCall elementwise(Site site, Operation operation, String name, Tensor left, Tensor right, Tensor output) {
        return elementwise(site, Numbers.of(site, operation, left, right, output).kernel(name), left, right, output, 0);
    }

    /** The one that also goes from numbers of one kind to the other: copies for the host, and of what it has written. */
    private static KernelCall scale(Site site, Scale o) {
        Numbers from = Numbers.of(site, o.input());
        Numbers to = Numbers.of(site, o.output());
        String direction = from == to ? "" : to == Numbers.BF16 ? "_to" : "_from";
        String kernel = (from == Numbers.BF16 ? from : to).kernel("elementwise_scale" + direction);
        return elementwise(site, kernel, o.input(), null, o.output(), o.factor());
    }

    private static KernelCall elementwise(Site site, String kernel, Tensor left, Tensor right, Tensor output, float factor) {
        MemorySegment p = duet_elementwise.allocate(site.arena());
        p.fill((byte) 0);
        duet_elementwise.left(p, address(site, left));
        duet_elementwise.right(p, address(site, right));
        duet_elementwise.output(p, address(site, output));
        duet_elementwise.count(p, output.elements());
        duet_elementwise.factor(p, factor);
        return new KernelCall(kernel, strides(site, output.elements()), 1, 1, Grids.THREADS, 0, p);
    }

    /** A block an image. */
    private static KernelCall stronger(Site site, Stronger o) {
        String kernel = Numbers.of(site, o, o.left(), o.right(), o.output()).kernel("stronger");
        MemorySegment p = duet_stronger.allocate(site.arena());
        p.fill((byte) 0);
        duet_stronger.left(p, address(site, o.left()));
        duet_stronger.right(p, address(site, o.right()));
        duet_stronger.output(p, address(site, o.output()));
        duet_stronger.count(p, Math.toIntExact(o.output().elementsPerImage()));
        return new KernelCall(kernel, o.output().batch(), 1, 1, Grids.THREADS, 0, p);
    }

    /**
     * How a dropout numbers its elements.
     *
     * @param first of the elements here
     * @param image elements of an image of the whole layer
     * @param map   of them those of a channel
     */
    private record Elements(long first, long image, long map) {
        static Elements of(Dropout o) {
            long map = (long) o.totalHeight() * o.input().width();
            return new Elements((((long) o.firstImage() * o.totalChannels() + o.firstChannel()) * o.totalHeight() + o.firstRow())
                    * o.input().width(), o.totalChannels() * map, map);
        }

        /** Whether four neighbours in memory are one Philox block: there is one pixel, and numbers begin at multiples of four. */
        boolean inFours() {
            return map == 1 && image % 4 == 0 && first % 4 == 0;
        }
    }

    static boolean dropsInFours(Dropout o) {
        return Elements.of(o).inFours();
    }

    static void dropping(Site site, Dropout o, MemorySegment p) {
        Elements elements = Elements.of(o);
        duet_dropping.run(p, site.run());
        duet_dropping.first_element(p, elements.first());
        duet_dropping.image_elements(p, elements.image());
        duet_dropping.purpose(p, o.purpose());
        duet_dropping.threshold(p, Philox.threshold(o.rate()));
        duet_dropping.scale(p, o.scale());
    }

    private static KernelCall dropout(Site site, Dropout o) {
        Tensor t = o.input();
        Elements elements = Elements.of(o);
        Numbers numbers = Numbers.of(site, o, t, o.output());
        int vector = elements.inFours() ? numbers.vector(t.channels()) : 1;
        MemorySegment p = duet_dropout.allocate(site.arena());
        p.fill((byte) 0);
        duet_dropout.input(p, address(site, t));
        duet_dropout.output(p, address(site, o.output()));
        duet_dropout.run(p, site.run());
        duet_dropout.count(p, count(o, t, vector));
        duet_dropout.purpose(p, o.purpose());
        duet_dropout.threshold(p, Philox.threshold(o.rate()));
        duet_dropout.scale(p, o.scale());
        duet_dropout.first_element(p, elements.first());
        duet_dropout.image_elements(p, elements.image());
        duet_dropout.map_elements(p, elements.map());
        divisor(duet_dropout.channels(p), t.channels() / vector);
        divisor(duet_dropout.area(p), t.height() * t.width());
        return each(numbers.kernel("dropout", vector), count(o, t, vector), p);
    }

    /** Sets flags only: {@link #reset} comes before. */
    private static KernelCall finiteCheck(Site site, FiniteCheck o) {
        String kernel = switch (site.layout().stored(o.tensor())) {
            case PLAIN -> "finite_check";
            case BF16 -> "finite_check_bf16";
            case PLANES -> "finite_check_planes";
        };
        MemorySegment p = duet_finite.allocate(site.arena());
        duet_finite.values(p, address(site, o.tensor()));
        duet_finite.status(p, address(site, o.status()) + 4L * o.index());
        duet_finite.count(p, o.tensor().elements());
        return new KernelCall(kernel, strides(site, o.tensor().elements()), 1, 1, Grids.THREADS, 0, p);
    }

    /** No layer of those that a status has flags of has a fault. */
    static KernelCall reset(Site site, Tensor status) {
        MemorySegment p = duet_finite.allocate(site.arena());
        duet_finite.values(p, 0);
        duet_finite.status(p, address(site, status));
        duet_finite.count(p, status.elements());
        return new KernelCall("finite_reset", 1, 1, 1, Grids.THREADS, 0, p);
    }

    /** In the kernel that makes the gradient; null for none. */
    static void update(Site site, SgdUpdate o, MemorySegment to) {
        if (o != null) {
            duet_update.weight(to, address(site, o.weight()));
            duet_update.momentum(to, address(site, o.momentum()));
            duet_update.run(to, site.run());
            duet_update.rate_index(to, o.rateIndex());
        }
    }

    private static KernelCall update(Site site, SgdUpdate o) {
        MemorySegment p = duet_sgd.allocate(site.arena());
        p.fill((byte) 0);
        duet_sgd.gradient(p, address(site, o.gradient()));
        duet_sgd.weight(p, address(site, o.weight()));
        duet_sgd.momentum(p, address(site, o.momentum()));
        duet_sgd.run(p, site.run());
        duet_sgd.count(p, o.weight().elements());
        duet_sgd.rate_index(p, o.rateIndex());
        return new KernelCall(planes(site, o.weight(), "sgd_update"), strides(site, o.weight().elements()), 1, 1, Grids.THREADS, 0, p);
    }

    private static KernelCall renormalise(Site site, FilterRenormalise o) {
        Tensor w = o.weight();
        int filters = w.batch() / w.groups();
        MemorySegment p = duet_filter_renormalise.allocate(site.arena());
        p.fill((byte) 0);
        duet_filter_renormalise.weight(p, address(site, w));
        duet_filter_renormalise.terms(p, w.channels() * w.height() * w.width());
        duet_filter_renormalise.filters(p, filters);
        duet_filter_renormalise.radius(p, o.radius());
        return new KernelCall(planes(site, w, "filter_renormalise"), Math.ceilDiv(filters, FILTERS_OF_A_BLOCK), w.groups(), 1,
                Grids.THREADS, 0, p);
    }

    /** Momentum and gradients are float whatever the weight. */
    private static String planes(Site site, Tensor weight, String kernel) {
        return site.layout().stored(weight) == Stored.PLANES ? kernel + "_planes" : kernel;
    }
}
