package duet.device.cuda;

import static duet.device.cuda.Fault.Numbers.NONE;
import static duet.device.cuda.Fault.Numbers.RIGHT;
import static duet.device.cuda.Fault.Numbers.WRONG;
import static duet.device.cuda.Ptx.drop;
import static duet.device.cuda.Ptx.replace;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

import duet.bindings.KernelCode;
import duet.device.cuda.Fault.Numbers;
import duet.device.cuda.Fault.Outcome;

/** Faults in the kernels: what a slip of the hand in CUDA C would make of their PTX. */
final class KernelFaults {
    private static final String BARRIER = "\\tbar\\.sync[^;]*;";
    private static final String WAIT = "cp\\.async\\.wait_group 0;";
    private static final String WINDOW = "setp\\.lt\\.u32([^;]*, %r\\d+;(?:(?!cp\\.async)[\\s\\S])*?and\\.pred)";

    private final List<Fault> faults = new ArrayList<>();

    private KernelFaults() {}

    static List<Fault> list() {
        KernelFaults f = new KernelFaults();
        f.barriers();
        f.copies();
        f.bounds();
        f.addresses();
        f.sharedMemory();
        f.warps();
        return f.faults;
    }

    private void barriers() {
        barriers("convolution_forward_64x64", Work.FORWARD_64, "shared-race", WRONG, "shared-race", WRONG);
        barriers("convolution_forward_128x128", Work.FORWARD_128, "shared-race", WRONG, "shared-race", WRONG);
        barriers("convolution_backward_data_64x64", Work.DATA_64, "shared-race", WRONG, "shared-race", WRONG);
        barriers("convolution_backward_weights_64x64", Work.WEIGHTS_64, "shared-race", RIGHT, "shared-race", WRONG);
        barriers("norm_pool_forward", Work.NORM_POOL, "shared-race", WRONG, "shared-race", WRONG);
        barriers("norm_pool_backward", Work.NORM_POOL_BACKWARD, "shared-race", WRONG);
        barriers("response_norm_backward_x4", Work.NORM_BACKWARD, "shared-race", WRONG);
        barriers("finite_check", Work.FINITE, "shared-race", WRONG, null, RIGHT);
        barriers("softmax_cross_entropy", Work.SOFTMAX,
                "shared-race", RIGHT, "shared-race", RIGHT, "shared-race", WRONG, null, RIGHT, "shared-race", WRONG, null, RIGHT);
    }

    /** Each barrier dropped in turn: sign and numbers of each. Null for one that nothing needs: no check may complain. */
    private void barriers(String kernel, Work work, Object... signs) {
        int count = Ptx.count(kernel, BARRIER);
        if (2 * count != signs.length) {
            throw new AssertionError(kernel + " has " + count + " barriers, the list of faults knows " + signs.length / 2);
        }
        for (int i = 0; i < count; i++) {
            add(kernel + ": barrier " + (i + 1) + " of " + count + " dropped", kernel, drop(BARRIER, i), (String) signs[2 * i],
                    (Numbers) signs[2 * i + 1], work);
        }
    }

    private void copies() {
        add("a wait for copies that lets one group be on its way", "convolution_forward_64x64", replace(WAIT, 0, "cp.async.wait_group 1;"),
                "pending-copy", WRONG, Work.FORWARD_64);
        add("no wait for copies", "convolution_forward_64x64", drop(WAIT, 0), "pending-copy", WRONG, Work.FORWARD_64);
        add("no wait for copies, large tile", "convolution_forward_128x128", drop(WAIT, 0), "pending-copy", WRONG, Work.FORWARD_128);
        add("no wait for copies, backward", "convolution_backward_weights_64x64", drop(WAIT, 0), "pending-copy", WRONG, Work.WEIGHTS_64);
        add("the first slice's copies in no group", "convolution_forward_64x64", drop("cp\\.async\\.commit_group;", 0), "pending-copy",
                WRONG,
                Work.FORWARD_64);
    }

    private void bounds() {
        // The copy that brings the last pixels of the last image: elsewhere the row below is another image's.
        add("a window may reach one row below the image", "convolution_forward_64x64", replace(WINDOW, 0, "setp.le.u32$1"), "out-of-bounds",
                NONE,
                Work.FORWARD_64);
        add("a window may reach one row below the image, large tile", "convolution_forward_128x128", replace(WINDOW, 3, "setp.le.u32$1"),
                "out-of-bounds", NONE, Work.FORWARD_128);
        add("a vector too many", "sgd_update", text -> replace("setp\\.ge\\.u32", 0, "setp.gt.u32").apply(
                replace("setp\\.lt\\.u32", 0, "setp.le.u32").apply(text)), "out-of-bounds", NONE, Work.SGD);
        add("no guard of the tail", "sgd_update", drop("@%p\\d+ bra[^;]*;", -1), "out-of-bounds", NONE, Work.SGD);
        add("no guard of the tail, elementwise", "elementwise_scale", drop("@%p\\d+ bra[^;]*;", -1), "out-of-bounds", NONE, Work.SCALE);
        add("no guard of threads beyond the classes", "softmax_cross_entropy", drop("@%p\\d+ bra[^;]*;", 0), "out-of-bounds", NONE,
                Work.SOFTMAX);
        add("no guard of the last threads", "copy_block_4", drop("@%p\\d+ bra[^;]*;", 0), "out-of-bounds", NONE, Work.COPY);
        add("no guard of the last threads, vectors", "copy_block_16", drop("@%p\\d+ bra[^;]*;", 0), "out-of-bounds", NONE,
                Work.COPY_FOURS);
    }

    private void addresses() {
        add("a store one float further", "sgd_update", replace("st\\.global\\.v4\\.f32 \\t\\[(%rd\\d+)\\]", 1, "st.global.v4.f32 [$1+4]"),
                "misaligned", NONE, Work.SGD);
        add("a load of a vector one float further", "copy_block_16", replace("ld\\.global\\.v4\\.u32 (.*)\\[(%rd\\d+)\\]", 0,
                "ld.global.v4.u32 $1[$2+4]"), "misaligned", NONE, Work.COPY_FOURS);
        add("a store dropped", "elementwise_scale", drop("st\\.global\\.f32[^;]*;", -1), "uninitialized-global", WRONG, Work.SCALE);
        add("memory that the kernel has written read again as read-only", "sgd_update", replace(
                "st\\.global\\.v4\\.f32 \\t\\[(%rd\\d+)\\], (\\{.*\\});", 1, "st.global.v4.f32 [$1], $2; ld.global.nc.v4.f32 $2, [$1];"),
                "read-only-written", RIGHT, Work.SGD);
    }

    private void sharedMemory() {
        add("a warp's result not stored", "softmax_cross_entropy", drop("st\\.shared\\.f32[^;]*;", 0), "uninitialized-shared", WRONG,
                Work.SOFTMAX);
        add("an edge not stored", "norm_pool_forward", drop("st\\.shared\\.v4\\.f32[^;]*;", 1), "uninitialized-shared", WRONG,
                Work.NORM_POOL);
        add("a window not stored", "convolution_forward_64x64", drop("st\\.shared\\.v4\\.u32[^;]*;", 0), "uninitialized-shared", NONE,
                Work.FORWARD_64);
        add("an edge beyond the block's shared memory", "norm_pool_forward", replace("st\\.shared\\.v4\\.f32 \\t\\[(%r\\d+)\\]", 1,
                "st.shared.v4.f32 [$1+32768]"), "out-of-bounds", NONE, Work.NORM_POOL);
        add("a shared vector one float further", "convolution_forward_64x64", replace("ld\\.shared\\.v4\\.f32 (.*)\\[(%r\\d+)\\]", 0,
                "ld.shared.v4.f32 $1[$2+4]"), "misaligned", NONE, Work.FORWARD_64);
    }

    private void warps() {
        add("a barrier for some threads only", "softmax_cross_entropy", replace(BARRIER, 0, "@%p10 bar.sync 0;"), "divergent-barrier",
                RIGHT,
                Work.SOFTMAX);
        add("a shuffle for some lanes that names all", "softmax_cross_entropy", replace("shfl\\.sync", 0, "@!%p3 shfl.sync"),
                "inactive-lanes", RIGHT,
                Work.SOFTMAX);
        add("a shuffle of all lanes that names half", "softmax_cross_entropy", replace("(shfl\\.sync[^;]*), %r\\d+;", 0, "$1, 0xffff;"),
                "inactive-lanes", RIGHT, Work.SOFTMAX);
        add("a loop that does not advance", "sgd_update", drop("add\\.s32 [^;]*;(?=[^;]*;?\\s*(?:\\.loc[^\\n]*\\s*)*setp\\.lt\\.u32)", 0),
                "hang", NONE,
                Work.SGD);
    }

    private void add(String name, String kernel, UnaryOperator<String> change, String sign, Numbers numbers, Work work) {
        faults.add(new Fault(kernel.isEmpty() || name.startsWith(kernel) ? name : kernel + ": " + name, sign, numbers,
                () -> run(Ptx.sound(), kernel, work), () -> run(Ptx.changed(kernel, change), kernel, work)));
    }

    private static Outcome run(KernelCode code, String kernel, Work work) {
        return Outcome.of(() -> {
            try (KernelBed bed = new KernelBed(code, work.multiprocessors)) {
                List<byte[]> results = work.work.apply(bed);
                if (!bed.launched.contains(kernel)) {
                    throw new AssertionError(work + " launches " + bed.launched + ", not " + kernel);
                }
                return results;
            }
        });
    }
}
