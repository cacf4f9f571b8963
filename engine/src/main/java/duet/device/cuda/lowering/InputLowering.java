package duet.device.cuda.lowering;

import static duet.device.cuda.lowering.Grids.address;
import static duet.device.cuda.lowering.Grids.divisor;

import java.lang.foreign.MemorySegment;
import java.util.List;

import duet.bindings.cuda.kernels.duet_packing;
import duet.bindings.cuda.kernels.duet_prepare_input;
import duet.bindings.cuda.kernels.duet_prepare_packed;
import duet.device.ConvolutionGeometry;
import duet.device.Operation.PrepareInput;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;

/** Launches that turn stored images into the network's input. */
final class InputLowering {
    private InputLowering() {}

    /** Elements that a block makes. */
    private static final int BLOCK = 2048;

    /** @param status whose flags are cleared, or null */
    static List<KernelCall> lower(Site site, PrepareInput o, Tensor status) {
        Tensor output = o.output();
        PackedInput packed = site.layout().packedInput(output);
        if (packed != null) {
            return List.of(packed(site, o, packed, status));
        }
        MemorySegment p = duet_prepare_input.allocate(site.arena());
        fill(site, o, status, p);
        int count = Grids.count(o, output, 1);
        return List.of(
                new KernelCall(Numbers.of(site, output).kernel("prepare_input"), Math.ceilDiv(count, BLOCK), 1, 1, Grids.THREADS, 0, p));
    }

    /** A block makes whole packed rows, or a part of one that is too long. */
    private static KernelCall packed(Site site, PrepareInput o, PackedInput packed, Tensor status) {
        ConvolutionGeometry g = packed.image().shape().geometry();
        int packedRows = o.output().batch() * g.height();
        int pixels = Math.min(g.width(), PackedInput.BLOCK / g.channels());
        int rows = pixels < g.width() ? 1 : Math.min(packedRows, PackedInput.BLOCK / (g.width() * g.channels()));
        int tiles = Math.ceilDiv(g.width(), pixels);
        int blocks = Math.multiplyExact(Math.ceilDiv(packedRows, rows), tiles);
        MemorySegment p = duet_prepare_packed.allocate(site.arena());
        p.fill((byte) 0);
        fill(site, o, status, duet_prepare_packed.input(p));
        packed.image().images(duet_prepare_packed.packing(p));
        duet_prepare_packed.image_blocks(p, blocks);
        duet_prepare_packed.packed_rows(p, packedRows);
        duet_prepare_packed.rows(p, rows);
        duet_prepare_packed.pixels(p, pixels);
        divisor(duet_prepare_packed.tiles(p), tiles);
        if (packed.filter() != null) {
            MemorySegment filter = duet_prepare_packed.filter(p);
            packed.image().filters(filter, address(site, packed.filter()), packed.filterAddress(address(site, o.output())));
            blocks += Math.ceilDiv(duet_packing.count(filter), Grids.THREADS);
        }
        return new KernelCall("prepare_packed_bf16", blocks, 1, 1, Grids.THREADS, 0, p);
    }

    private static void fill(Site site, PrepareInput o, Tensor status, MemorySegment p) {
        Tensor output = o.output();
        p.fill((byte) 0);
        duet_prepare_input.images(p, address(site, o.images()));
        duet_prepare_input.crops(p, address(site, o.crops()));
        duet_prepare_input.mean(p, address(site, o.mean()));
        duet_prepare_input.output(p, address(site, output));
        duet_prepare_input.colour_shift(p, address(site, o.colourShift()));
        duet_prepare_input.status(p, address(site, status));
        duet_prepare_input.flags(p, status == null ? 0 : Math.toIntExact(status.elements()));
        duet_prepare_input.count(p, Grids.count(o, output, 1));
        duet_prepare_input.stored_height(p, o.images().height());
        duet_prepare_input.stored_width(p, o.images().width());
        duet_prepare_input.scale(p, o.scale());
        divisor(duet_prepare_input.channels(p), output.channels());
        divisor(duet_prepare_input.width(p), output.width());
        divisor(duet_prepare_input.height(p), output.height());
    }
}
