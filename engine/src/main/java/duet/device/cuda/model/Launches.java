package duet.device.cuda.model;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Operation.Product;
import duet.device.Operation.SgdUpdate;
import duet.device.Precision;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.cuda.driver.KernelCall;
import duet.device.cuda.lowering.CudaLayout;
import duet.device.cuda.lowering.CudaLowering;
import duet.device.cuda.lowering.Fusion;
import duet.device.cuda.lowering.PairedSums;
import duet.device.cuda.lowering.Site;
import duet.device.cuda.lowering.Stored;

/** The launches of a step on cards that need not be there: whatever the lowering makes of a plan. */
public final class Launches {
    /** An address, where any will do. */
    private static final long SOMEWHERE = 1 << 20;

    private final int multiprocessors;
    private final CudaLayout layout;

    /**
     * Cards.
     *
     * @param multiprocessors of each
     * @param precision       of products
     */
    public Launches(int multiprocessors, Precision precision) {
        this(multiprocessors, new CudaLayout(_ -> multiprocessors, precision));
    }

    private Launches(int multiprocessors, CudaLayout layout) {
        this.multiprocessors = multiprocessors;
        this.layout = layout;
    }

    /** {@return the layout with which a network must be planned} */
    public Layout layout() {
        return layout;
    }

    /**
     * {@return the launches of a step, in the order of each stream}
     *
     * @param streams of a plan with {@link #layout}
     * @param regions where its tensors lie
     */
    public List<Launch> of(List<StreamSteps> streams, Map<Tensor, Region> regions) {
        return new Launches(multiprocessors, layout.of(streams).within(streams, regions)).step(streams, regions);
    }

    private List<Launch> step(List<StreamSteps> streams, Map<Tensor, Region> regions) {
        Map<Tensor, Integer> readers = Fusion.readers(streams);
        List<Launch> launches = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            Site site = new Site(arena, tensor -> tensor == null ? 0 : SOMEWHERE, SOMEWHERE, SOMEWHERE, multiprocessors, layout);
            for (StreamSteps stream : streams) {
                List<Fusion> fusions = Fusion.plan(layout, stream.steps(), readers,
                        (a, b) -> a.device() == b.device() && regions.get(a).overlaps(regions.get(b)));
                for (KernelCall reset : CudaLowering.begin(fusions, site)) {
                    launches.add(
                            new Launch(stream.device(), "finite check", "Reset", reset.kernel(), blocks(reset), 1, reset.blockX(), 0, 0,
                                    0, Integer.BYTES));
                }
                PairedSums.Sequence<Launch> sequence = new PairedSums.Sequence<>(layout, Launches::join);
                for (int i = 0; i < fusions.size(); i++) {
                    if (stream.steps().get(i) instanceof Step.Launch && fusions.get(i) != null) {
                        List<KernelCall> calls = CudaLowering.lower(fusions.get(i), site);
                        launches.addAll(sequence.next(fusions.get(i).first(), of(stream.device(), fusions.get(i), calls, readers)));
                    }
                }
            }
        }
        return launches;
    }

    /** Sums of splits that are one launch. */
    private static List<Launch> join(Launch a, Launch b) {
        String kernel = PairedSums.kernel(a.kernel(), b.kernel());
        return kernel == null ? List.of(a, b) : List.of(new Launch(a.device(), a.layers() + " + " + b.layers(), a.operation(), kernel,
                a.blocks() + b.blocks(), 1, a.threads(), a.sharedBytes(), 0, 0, a.bytes() + b.bytes()));
    }

    /** A product may be followed by the sum of its splits; what else takes several launches shares its bytes by threads. */
    private List<Launch> of(int device, Fusion fusion, List<KernelCall> calls, Map<Tensor, Integer> readers) {
        Map<Tensor, Long> reads = new HashMap<>();
        Map<Tensor, Long> writes = new HashMap<>();
        move(fusion, readers, reads, writes);
        long moved = sum(reads) + sum(writes);
        double threads = calls.stream().mapToDouble(call -> (double) blocks(call) * call.blockX()).sum();
        List<Launch> launches = new ArrayList<>();
        for (int i = 0; i < calls.size(); i++) {
            KernelCall call = calls.get(i);
            Product product = fusion.first() instanceof Product first && Tile.of(call.kernel()).isPresent() ? first : null;
            long bytes = calls.size() > 1 && fusion.first() instanceof Product first ? bytes(fusion, first, calls, i, reads, moved)
                    : Math.round(moved * (blocks(call) * call.blockX() / threads));
            launches.add(new Launch(device, fusion.label(), fusion.first().kind(), call.kernel(), blocks(call), call.gridZ(), call.blockX(),
                    call.sharedBytes(), product == null ? 0 : CudaLowering.terms(product, layout),
                    product == null ? 0 : flop(fusion), bytes));
        }
        return launches;
    }

    private static long flop(Fusion fusion) {
        return fusion.operations().stream().filter(Product.class::isInstance).mapToLong(product -> ((Product) product).flop()).sum();
    }

    /** Of one of the launches that are a product: packing before it, sums of its splits and updates behind it. */
    private long bytes(Fusion fusion, Product product, List<KernelCall> calls, int index, Map<Tensor, Long> reads, long moved) {
        int main = 0;
        while (Tile.of(calls.get(main).kernel()).isEmpty()) {
            main++;
        }
        List<SgdUpdate> updates = fusion.operations().stream().filter(SgdUpdate.class::isInstance).map(SgdUpdate.class::cast).toList();
        List<KernelCall> apart = calls.stream().filter(call -> call.kernel().startsWith("sgd_update")).toList();
        long updating = apart.isEmpty() ? 0 : updates.stream().mapToLong(this::moved).sum();
        long operands = product.reads().stream().mapToLong(reads::get).sum();
        boolean sums = main + 1 < calls.size() - apart.size();
        long partial = sums ? calls.get(main).gridZ() * product.writes().stream().mapToLong(Tensor::dataBytes).sum() : 0;
        if (sums && fusion.operations().stream().filter(Product.class::isInstance).count() > 1) {
            // One pass over the parameters: the sum of the splits makes the input's gradient alone.
            long result = product.writes().stream().mapToLong(layout::bytes).sum();
            return partial + (index == main ? moved - result : result);
        }
        if (index < main) { // of the first layer
            return 2 * reads.get(product.reads().get(calls.get(index).kernel().startsWith("pack_filter") ? 1 : 0));
        }
        if (index == main) {
            return sums ? operands + partial : moved - updating;
        }
        int update = apart.indexOf(calls.get(index));
        return update < 0 ? partial + moved - operands - updating : moved(updates.get(update));
    }

    private long moved(Operation operation) {
        return Stream.concat(operation.reads().stream(), operation.writes().stream()).mapToLong(layout::bytes).sum();
    }

    private static long blocks(KernelCall call) {
        return (long) call.gridX() * call.gridY() * call.gridZ();
    }

    /** Bytes of what is read and written, without what lies between fused operations and nobody else reads: it is never stored. */
    private void move(Fusion fusion, Map<Tensor, Integer> readers, Map<Tensor, Long> reads, Map<Tensor, Long> writes) {
        for (Operation operation : fusion.operations()) {
            for (Tensor tensor : operation.reads()) {
                if (!writes.containsKey(tensor)) {
                    reads.put(tensor, read(operation, tensor));
                } else if (tensor.role() == Tensor.Role.TRANSIENT && readers.get(tensor) == 1) {
                    writes.remove(tensor);
                }
            }
            operation.writes().forEach(tensor -> writes.put(tensor, layout.bytes(tensor)));
        }
    }

    /** A product reads the upper plane of a filter alone. */
    private long read(Operation operation, Tensor tensor) {
        boolean plane = operation instanceof Product && layout.stored(tensor) == Stored.PLANES;
        return plane ? layout.bytes(tensor) / 2 : layout.bytes(tensor);
    }

    private static long sum(Map<Tensor, Long> bytes) {
        return bytes.values().stream().mapToLong(Long::longValue).sum();
    }
}
