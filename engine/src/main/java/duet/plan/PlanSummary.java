package duet.plan;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import duet.device.Operation;
import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.HappensBefore.Point;

/**
 * A plan in numbers.
 *
 * @param layers  the image first, then the network's layers
 * @param devices memory and work of each device
 */
record PlanSummary(List<Row> layers, List<Memory> devices) {
    /** What a step is for. */
    enum Phase { FORWARD, BACKWARD, UPDATE }

    /** What transient memory is for. */
    enum Use { ACTIVATIONS, WINNERS, GRADIENTS, EXCHANGE, INPUTS_AND_OUTPUTS, WORKSPACES }

    /**
     * A layer. FLOP are those of one run over all devices.
     *
     * @param where         in words: which device does what
     * @param share         of these FLOP by device
     * @param forwardBytes  that each device receives in the forward pass of one run; of devices that differ, the most
     * @param backwardBytes likewise
     */
    record Row(String name, Shape output, long parameters, String where, Map<Phase, Long> flop, List<Long> share, long forwardBytes,
            long backwardBytes) {}

    /**
     * @param persistent     bytes by role of parameters, momentum and constants
     * @param uses           bytes of all transient tensors and workspaces, as if none shared memory
     * @param transientBytes what they take as planned
     * @param peak           no plan could do with less
     * @param preparedBytes  of filters in another form
     * @param flop           of one run on this device
     * @param updateFlop     of these what updates parameters
     * @param received       bytes from other devices in one run; none in the update
     */
    record Memory(Map<Tensor.Role, Long> persistent, long persistentBytes, Map<Use, Long> uses, long transientBytes, long peak,
            long preparedBytes, long flop, long updateFlop, Map<Phase, Long> received) {
        long bytes() {
            return persistentBytes + transientBytes + preparedBytes;
        }
    }

    /** A device's share of the floating point operations of all. */
    double share(int device) {
        return (double) devices.get(device).flop() / devices.stream().mapToLong(Memory::flop).sum();
    }

    /** The share of the device that has most to do. */
    double busiest() {
        return IntStream.range(0, devices.size()).mapToDouble(this::share).max().orElseThrow();
    }

    /** What the device that receives most in a phase of one run receives there, in bytes. */
    long received(Phase phase) {
        return devices.stream().mapToLong(device -> device.received().getOrDefault(phase, 0L)).max().orElse(0);
    }

    static PlanSummary of(Plan plan) {
        return new Maker(plan).make();
    }

    /**
     * Tells forward from backward: a step goes backward if it works on what comes from the gradient of a loss, or cuts out weights for
     * that.
     */
    static final class Phases {
        private final Plan plan;
        private final Set<Point> backward = new HashSet<>();

        Phases(Plan plan) {
            this.plan = plan;
            Set<Tensor> behind = new HashSet<>();
            for (Point point : HappensBefore.of(plan.streams()).order()) {
                Step step = step(point);
                if (step instanceof Step.Launch(Operation.SoftmaxCrossEntropy loss, _, _)) {
                    behind.add(loss.inputGradient());
                } else if (Liveness.tensors(step).stream().anyMatch(t -> behind.contains(t) || t.role() == Tensor.Role.SHARE)) {
                    backward.add(point);
                    behind.addAll(step.writes());
                }
            }
        }

        private Step step(Point point) {
            return plan.streams().get(point.stream()).steps().get(point.step());
        }

        Phase of(Point point) {
            return step(point) instanceof Step.Launch(Operation.SgdUpdate _, _, _) ? Phase.UPDATE
                    : backward.contains(point) ? Phase.BACKWARD : Phase.FORWARD;
        }
    }

    private static final class Maker {
        private final Plan plan;
        private final Phases phases;
        private final Map<String, Map<Phase, Long>> flop = new HashMap<>();
        private final Map<String, Map<Phase, Map<Integer, Long>>> received = new HashMap<>();
        private final Map<Tensor, Use> uses = new HashMap<>();
        private final Map<Integer, Long> workspaces = new HashMap<>();
        private final Map<Integer, Long> deviceFlop = new HashMap<>();
        private final Map<String, Map<Integer, Long>> shares = new HashMap<>();
        private final Map<Integer, Long> updateFlop = new HashMap<>();

        Maker(Plan plan) {
            this.plan = plan;
            phases = new Phases(plan);
        }

        PlanSummary make() {
            for (int stream = 0; stream < plan.streams().size(); stream++) {
                for (int i = 0; i < plan.streams().get(stream).steps().size(); i++) {
                    step(new Point(stream, i), plan.streams().get(stream));
                }
            }
            List<Memory> devices = new ArrayList<>();
            Map<Integer, List<Tensor>> tensors = plan.regions().keySet().stream().collect(Collectors.groupingBy(Tensor::device));
            Liveness liveness = liveness();
            for (int device = 0; device < plan.placement().devices(); device++) {
                devices.add(memory(device, tensors.getOrDefault(device, List.of()), liveness.peak(device)));
            }
            return new PlanSummary(rows(), devices);
        }

        private void step(Point point, StreamSteps stream) {
            switch (stream.steps().get(point.step())) {
                case Step.Launch launch -> {
                    Phase phase = phases.of(point);
                    Operation operation = launch.operation();
                    flop.computeIfAbsent(operation.layer(), _ -> new EnumMap<>(Phase.class)).merge(phase, operation.flop(), Long::sum);
                    deviceFlop.merge(stream.device(), operation.flop(), Long::sum);
                    shares.computeIfAbsent(operation.layer(), _ -> new HashMap<>()).merge(stream.device(), operation.flop(), Long::sum);
                    updateFlop.merge(stream.device(), phase == Phase.UPDATE ? operation.flop() : 0, Long::sum);
                    operation.writes().forEach(tensor -> uses.putIfAbsent(tensor, use(tensor, phase)));
                    if (launch.workspace() != null) {
                        workspaces.merge(stream.device(), launch.workspace().bytes(), Long::sum);
                    }
                }
                case Step.Copy copy -> {
                    uses.put(copy.to(), Use.EXCHANGE);
                    received.computeIfAbsent(copy.layer(), _ -> new EnumMap<>(Phase.class))
                            .computeIfAbsent(phases.of(point), _ -> new HashMap<>())
                            .merge(stream.device(), copy.to().dataBytes(), Long::sum);
                }
                case Step.Record _,Step.Wait _ -> {}
            }
        }

        private static Use use(Tensor tensor, Phase phase) {
            return tensor.format() == Format.WINNERS ? Use.WINNERS : tensor.role() == Tensor.Role.SHARE ? Use.EXCHANGE
                    : phase == Phase.FORWARD && !tensor.name().endsWith("gradient")
                            ? Use.ACTIVATIONS
                    : Use.GRADIENTS;
        }

        private List<Row> rows() {
            Network network = plan.network();
            List<Row> rows = new ArrayList<>();
            rows.add(row("input", network.input(),
                    Sharing.words(plan.placement().image(Replicas.imagesOfRun(plan.placement(), plan.batch())), plan.placement())));
            for (Division division : Division.divide(network, plan.placement(), plan.batch())) {
                if (plan.mode() == Mode.TRAINING || division.main()) {
                    rows.add(row(division.name(), division.output(), Sharing.words(division, plan.placement())));
                }
            }
            return rows;
        }

        private Row row(String name, Shape output, String where) {
            long parameters = plan.parameters().stream().filter(p -> p.layer().equals(name)).mapToLong(Plan.Parameter::elements).sum();
            Map<Integer, Long> own = shares.getOrDefault(name, Map.of());
            List<Long> share = IntStream.range(0, plan.placement().devices()).mapToObj(device -> own.getOrDefault(device, 0L)).toList();
            return new Row(name, output, parameters, where, flop.getOrDefault(name, Map.of()), share, received(name, Phase.FORWARD),
                    received(name, Phase.BACKWARD));
        }

        private long received(String layer, Phase phase) {
            return received.getOrDefault(layer, Map.of()).getOrDefault(phase, Map.of()).values().stream().mapToLong(Long::longValue).max()
                    .orElse(0);
        }

        /** Of all layers. */
        private Map<Phase, Long> received(int device) {
            Map<Phase, Long> sums = new EnumMap<>(Phase.class);
            received.values().forEach(
                    phases -> phases.forEach((phase, bytes) -> sums.merge(phase, bytes.getOrDefault(device, 0L), Long::sum)));
            return sums;
        }

        private Memory memory(int device, List<Tensor> tensors, long peak) {
            Map<Tensor.Role, Long> persistent = new EnumMap<>(Tensor.Role.class);
            Map<Use, Long> sums = new EnumMap<>(Use.class);
            for (Tensor tensor : tensors) {
                long bytes = plan.regions().get(tensor).bytes();
                switch (tensor.role()) {
                    case PARAMETER, MOMENTUM, CONSTANT -> persistent.merge(tensor.role(), bytes, Long::sum);
                    case INPUT, OUTPUT -> sums.merge(Use.INPUTS_AND_OUTPUTS, bytes, Long::sum);
                    case TRANSIENT, SHARE -> sums.merge(uses.get(tensor), bytes, Long::sum);
                }
            }
            if (workspaces.containsKey(device)) {
                sums.put(Use.WORKSPACES, workspaces.get(device));
            }
            return new Memory(persistent, plan.persistentBytes().get(device), sums, plan.transientBytes().get(device), peak,
                    plan.preparedBytes().get(device), deviceFlop.getOrDefault(device, 0L), updateFlop.getOrDefault(device, 0L),
                    received(device));
        }

        private Liveness liveness() {
            return Liveness.of(plan.streams(), tensor -> plan.regions().get(tensor).bytes(), point -> {
                Step step = plan.streams().get(point.stream()).steps().get(point.step());
                Region workspace = step instanceof Step.Launch launch ? launch.workspace() : null;
                return workspace == null ? 0 : workspace.bytes();
            }, (first, second) -> false);
        }
    }
}
