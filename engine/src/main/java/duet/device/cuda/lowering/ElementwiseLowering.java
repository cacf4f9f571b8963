package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.count;
import static duet.device.cuda.lowering.Grids.divisor;
import static duet.device.cuda.lowering.Grids.each;
import static duet.device.cuda.lowering.Grids.strides;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

import duet.bindings.cuda.kernels.duet_copy_block;
import duet.bindings.cuda.kernels.duet_dropout;
import duet.bindings.cuda.kernels.duet_elementwise;
import duet.bindings.cuda.kernels.duet_filter_renormalise;
import duet.bindings.cuda.kernels.duet_finite;
import duet.bindings.cuda.kernels.duet_sgd;
import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.*;
import duet.device.Philox;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches for operations that treat each element by itself, and for copies of ranges. None needs scratch memory. */
final class ElementwiseLowering {
    private ElementwiseLowering() {}

    /** Floats up to which one block looks for faulty numbers: it needs no second launch. */
    private static final int ONE_BLOCK_CHECKS = 1 << 15;
    private static final int FILTERS_OF_A_BLOCK = 32;

    static List<KernelCall> lower(Site site, Operation operation) {
        return switch (operation) {
            case ActivationForward o -> List.of(elementwise(site, kernel(o.function()) + "_forward", o.input(), null, o.output(), 0));
            case ActivationBackward o -> List.of(elementwise(
                    site, kernel(o.function()) + "_backward", o.output(), o.outputGradient(), o.inputGradient(), 0));
            case Scale o -> List.of(elementwise(site, "elementwise_scale", o.input(), null, o.output(), o.factor()));
            case Add o -> List.of(elementwise(site, "elementwise_add", o.left(), o.right(), o.output(), 0));
            case Dropout o -> List.of(dropout(site, o));
            case FiniteCheck o -> finiteCheck(site, o);
            case SgdUpdate o -> List.of(update(site, o));
            case FilterRenormalise o -> List.of(renormalise(site, o));
            case Gather o -> gather(site, o);
            case Slice o -> List.of(block(site, o, "copy_block", o.axis(), o.whole(), o.first(), o.part(), 0, o.axis().length(o.part())));
            case AddToSlice o ->
                List.of(block(site, o, "add_block", o.axis(), o.part(), 0, o.whole(), o.first(), o.axis().length(o.part())));
            default -> throw new IllegalArgumentException(operation.kind());
        };
    }

    private static String kernel(Activation function) {
        return switch (function) {
            case RELU -> "relu";
            case TANH -> "tanh";
        };
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

    /** Four neighbours in memory are one Philox block where there is one pixel and their numbers begin at multiples of four. */
    private static KernelCall dropout(Site site, Dropout o) {
        Tensor t = o.input();
        long map = (long) o.totalHeight() * t.width();
        long first = (((long) o.firstImage() * o.totalChannels() + o.firstChannel()) * o.totalHeight() + o.firstRow()) * t.width();
        boolean fours = map == 1 && t.channels() % 4 == 0 && o.totalChannels() % 4 == 0 && first % 4 == 0;
        int vector = fours ? 4 : 1;
        MemorySegment p = duet_dropout.allocate(site.arena());
        p.fill((byte) 0);
        duet_dropout.input(p, address(site, t));
        duet_dropout.output(p, address(site, o.output()));
        duet_dropout.run(p, site.run());
        duet_dropout.count(p, count(o, t, vector));
        duet_dropout.purpose(p, o.purpose());
        duet_dropout.threshold(p, Philox.threshold(o.rate()));
        duet_dropout.scale(p, o.scale());
        duet_dropout.first_element(p, first);
        duet_dropout.image_elements(p, o.totalChannels() * map);
        duet_dropout.map_elements(p, map);
        divisor(duet_dropout.channels(p), t.channels() / vector);
        divisor(duet_dropout.area(p), t.height() * t.width());
        return each(fours ? "dropout_x4" : "dropout", count(o, t, vector), p);
    }

    private static List<KernelCall> finiteCheck(Site site, FiniteCheck o) {
        long floats = o.tensor().elements();
        MemorySegment p = duet_finite.allocate(site.arena());
        duet_finite.values(p, address(site, o.tensor()));
        duet_finite.status(p, address(site, o.status()) + 4L * o.index());
        duet_finite.count(p, floats);
        if (floats <= ONE_BLOCK_CHECKS) {
            return List.of(new KernelCall("finite_check", 1, 1, 1, Grids.THREADS, 0, p));
        }
        return List.of(new KernelCall("finite_reset", 1, 1, 1, 32, 0, p),
                new KernelCall("finite_check", strides(site, Math.ceilDiv(floats, 4)), 1, 1, Grids.THREADS, 0, p));
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
        return new KernelCall(planes(site, w, "filter_renormalise"), Math.ceilDiv(filters, FILTERS_OF_A_BLOCK), w.groups(), 1, Grids.THREADS, 0, p);
    }

    private static String planes(Site site, Tensor weight, String kernel) {
        return site.layout().stored(weight) == Stored.PLANES ? kernel + "_planes" : kernel;
    }

    private static List<KernelCall> gather(Site site, Gather o) {
        List<KernelCall> launches = new ArrayList<>();
        int first = 0;
        for (Tensor part : o.parts()) {
            int length = o.axis().length(part);
            launches.add(block(site, o, "copy_block", o.axis(), part, 0, o.whole(), first, length));
            first += length;
        }
        return launches;
    }

    /** A range of one tensor goes to, or is added to, a range of another. */
    private static KernelCall block(Site site, Operation operation, String kernel, Axis axis, Tensor from, int fromFirst, Tensor to,
            int toFirst, int length) {
        count(operation, from, 1);
        count(operation, to, 1);
        int runs = switch (axis) {
            case BATCH -> 1;
            case CHANNELS -> to.batch() * to.height() * to.width();
            case ROWS -> to.batch();
        };
        int step = switch (axis) {
            case BATCH -> (int) to.elementsPerImage();
            case CHANNELS -> 1;
            case ROWS -> to.width() * to.channels();
        };
        int fromPitch = axis.length(from) * step;
        int toPitch = axis.length(to) * step;
        int width = length * step;
        boolean fours = (width | fromPitch | fromFirst * step | toPitch | toFirst * step) % 4 == 0;
        int vector = fours ? 4 : 1;
        MemorySegment p = duet_copy_block.allocate(site.arena());
        p.fill((byte) 0);
        duet_copy_block.from(p, address(site, from));
        duet_copy_block.to(p, address(site, to));
        duet_copy_block.count(p, runs * width / vector);
        duet_copy_block.from_pitch(p, fromPitch / vector);
        duet_copy_block.from_first(p, fromFirst * step / vector);
        duet_copy_block.to_pitch(p, toPitch / vector);
        duet_copy_block.to_first(p, toFirst * step / vector);
        divisor(duet_copy_block.width(p), width / vector);
        return each(fours ? kernel + "_x4" : kernel, runs * width / vector, p);
    }
}
