package duet.device.cuda.model;

import java.util.Comparator;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import duet.bindings.KernelCode;
import duet.device.DeviceException;
import duet.device.cuda.model.Tile.Unit;

/**
 * Forecasts launches from machine code. An upper bound of what a kernel can reach: it knows what each part of a multiprocessor must do, not
 * for what warps wait. Main loops: the part with the most cycles a step, divided by how well the warps there are hide latencies, times the
 * steps of the blocks of the busiest multiprocessor, and an estimate for the ends of each block. All else: bytes at the memory's rate, or
 * instructions at the schedulers'.
 */
public final class KernelModel {
    /** What the machine code is assembled for: the card of {@link Card#H100}. */
    public static final int TARGET = 90;

    /** Between two kernels of a graph: an estimate. */
    private static final double LAUNCH_MICROSECONDS = 1.2;
    /** What kernels reach of the rate at which memory is copied: an estimate. */
    private static final double MEMORY_SHARE = 0.9;
    private static final int WARP = 32;
    /** Registers are handed out to a warp in such units. */
    private static final int REGISTER_UNIT = 256;

    private final Card card;
    private final Map<String, MachineCode> kernels = new LinkedHashMap<>();

    /**
     * A model of a card.
     *
     * @param card   to forecast for
     * @param cubins with the kernels, assembled for it
     */
    public KernelModel(Card card, Iterable<Cubin> cubins) {
        this.card = card;
        cubins.forEach(cubin -> cubin.kernels().forEach(kernel -> kernels.put(kernel, cubin.kernel(kernel))));
    }

    /** {@return the model of this build's kernels on an H100; empty if the build has no machine code} */
    public static Optional<KernelModel> load() {
        List<Cubin> cubins = KernelCode.loadCubins().values().stream().map(Cubin::new).toList();
        return cubins.isEmpty() ? Optional.empty() : Optional.of(new KernelModel(Card.H100, cubins));
    }

    /** {@return the machine code by kernel} */
    public Map<String, MachineCode> kernels() {
        return Map.copyOf(kernels);
    }

    /**
     * {@return what the model says of a launch}
     *
     * @param launch of a kernel that the cubins have
     */
    public Forecast forecast(Launch launch) {
        MachineCode code = kernels.get(launch.kernel());
        if (code == null) {
            throw new DeviceException(launch.label() + ": there is no machine code of kernel " + launch.kernel());
        }
        if (launch.terms() == 0) {
            return memoryBound(launch, code);
        }
        Tile tile = Tile.of(launch.kernel())
                .orElseThrow(() -> new DeviceException("kernel " + launch.kernel() + " is a product without a line in Tile"));
        Mix turn = code.mainTurn().orElseThrow(() -> new DeviceException("kernel " + launch.kernel() + " has no main loop"));
        Mix step = code.turns(tile.turns(turn, warps(launch)));
        return product(launch, tile, step, resident(launch, code));
    }

    /** @param resident blocks that a multiprocessor has room for */
    Forecast product(Launch launch, Tile tile, Mix step, int resident) {
        int warps = warps(launch);
        Map<Term, Double> cycles = tile.cycles(card, step, warps);
        Term binds = largest(cycles);
        double rounds = Math.ceilDiv(launch.blocks(), card.multiprocessors());
        double scheduled = Math.min(rounds, resident) * warps / Card.SCHEDULERS;
        // With 6 warps two of the four schedulers have half of the others' work.
        double balance = scheduled / Math.ceil(scheduled);
        double steps = Math.ceilDiv(Math.ceilDiv(launch.terms(), tile.terms()), launch.splits());
        Map<Term, Double> parts = new EnumMap<>(Term.class);
        parts.put(binds, card.microseconds(rounds * steps * cycles.get(binds) / (balance * tile.hiding(scheduled))));
        parts.put(Term.ENDS, card.microseconds(rounds * tile.ends()));
        double peak = tile.unit() == Unit.FFMA ? Card.FFMA_LANES : card.sustainedTensorRate();
        double multiply = card.microseconds(launch.flop() / 2.0 * tile.products() / (peak * card.multiprocessors()));
        return forecast(launch, parts, launch.bytes(), Math.max(multiply, card.memoryMicroseconds(launch.bytes())));
    }

    private Forecast memoryBound(Launch launch, MachineCode code) {
        int warps = warps(launch);
        double rounds = Math.ceilDiv(launch.blocks(), card.multiprocessors());
        double scheduled = Math.min(rounds, resident(launch, code)) * warps / Card.SCHEDULERS;
        double threads = (double) launch.blocks() * launch.threads();
        double bytes = Math.min(launch.bytes(), threads * code.mostBytes());
        Mix mix = code.whole(bytes / threads);
        double hiding = Tile.hidden(scheduled);
        Map<Term, Double> parts = new EnumMap<>(Term.class);
        parts.put(Term.ISSUE, card.microseconds(rounds * mix.instructions() * warps / (Card.SCHEDULERS * hiding)));
        parts.put(Term.SHARED, card.microseconds(rounds * (4 * mix.wideLoads() + mix.sharedCycles()) * warps / hiding));
        Term binds = largest(parts);
        return forecast(launch, new EnumMap<>(Map.of(binds, parts.get(binds))), bytes, card.memoryMicroseconds(bytes));
    }

    /** @param parts one after the other; they share the time with memory */
    private Forecast forecast(Launch launch, Map<Term, Double> parts, double bytes, double limit) {
        double waves = (double) launch.blocks() / card.multiprocessors() / Math.ceilDiv(launch.blocks(), card.multiprocessors());
        double busy = parts.values().stream().mapToDouble(Double::doubleValue).sum();
        double memory = card.memoryMicroseconds(bytes) / MEMORY_SHARE
                / Math.min(1, (double) launch.blocks() / card.multiprocessors());
        Map<Term, Double> all = memory > busy ? new EnumMap<>(Map.of(Term.MEMORY, memory)) : parts;
        all.put(Term.LAUNCH, LAUNCH_MICROSECONDS);
        Term largest = largest(all);
        return new Forecast(launch, waves < 0.5 && largest != Term.LAUNCH ? Term.WAVES : largest, waves, limit,
                Math.max(memory, busy) + LAUNCH_MICROSECONDS);
    }

    private static Term largest(Map<Term, Double> terms) {
        return terms.entrySet().stream().max(Comparator.comparingDouble(Map.Entry::getValue)).orElseThrow().getKey();
    }

    private static int warps(Launch launch) {
        return Math.ceilDiv(launch.threads(), WARP);
    }

    /** Blocks that a multiprocessor has room for: registers, shared memory, threads. */
    private int resident(Launch launch, MachineCode code) {
        int warps = warps(launch);
        int registers = Math.ceilDiv(Math.max(1, code.registers()) * WARP, REGISTER_UNIT) * REGISTER_UNIT * warps;
        int shared = Math.max(1, code.sharedBytes() + launch.sharedBytes());
        return Math.max(1, Math.min(Math.min(card.registers() / registers, card.sharedBytes() / shared), card.threads() / (warps * WARP)));
    }

    /**
     * {@return the microseconds of launches one after the other} To compare kernels in tests and documents; a model, not a measurement.
     *
     * @param forecasts of a device
     */
    public static double microseconds(List<Forecast> forecasts) {
        return forecasts.stream().mapToDouble(Forecast::microseconds).sum();
    }
}
