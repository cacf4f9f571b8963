package duet.reference;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;

import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.MaxPoolBackward;
import duet.device.Operation.MaxPoolForward;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.RunParameters;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;

/** Makes trials: random data for what operations read. */
final class Draw {
    private final RandomGenerator random;
    private final Map<Tensor, Object> operands = new HashMap<>();

    private Draw(RandomGenerator random) {
        this.random = random;
    }

    /** A trial of the operations in this order; what they read before one of them writes it gets random values. */
    static Trial trial(RandomGenerator random, Operation... operations) {
        Draw draw = new Draw(random);
        List<Operation> bound = bind(withWinners(List.of(operations)));
        Set<Tensor> written = new HashSet<>();
        for (Operation operation : bound) {
            for (Tensor tensor : operation.reads()) {
                if (!written.contains(tensor)) {
                    draw.operands.computeIfAbsent(tensor, t -> draw.values(operation, t));
                }
            }
            written.addAll(operation.writes());
        }
        RunParameters parameters = new RunParameters(random.nextLong(), random.nextLong() >>> 20,
                draw.floats(64, 0.1, false), draw.floats(64, 0.01, false), 0.9f);
        return new Trial(name(bound), bound, draw.operands, parameters);
    }

    /** A trial with one of its values changed. */
    static Trial with(Trial trial, Tensor tensor, int index, float value) {
        Tensor bound = trial.tensors().stream().filter(t -> t.id() == tensor.id()).findFirst().orElseThrow();
        ((float[]) trial.operands().get(bound))[index] = value;
        return new Trial(trial.name() + ", " + value + " at " + index, trial.operations(), trial.operands(), trial.parameters());
    }

    private static String name(List<Operation> operations) {
        List<String> names = new ArrayList<>();
        for (Operation operation : operations) {
            names.add(operation.layer() + " " + operation);
        }
        return String.join(", then ", names).replaceAll("duet.device.|layer=[^,]*, ", "");
    }

    /** A host cannot write winners, so a backward pass alone gets a forward pass before it. */
    private static List<Operation> withWinners(List<Operation> operations) {
        if (operations.getFirst() instanceof MaxPoolBackward o) {
            Tensor input = copy(o.inputGradient(), 1 << 20, Role.INPUT);
            Tensor output = copy(o.outputGradient(), (1 << 20) + 1, Role.OUTPUT);
            List<Operation> all = new ArrayList<>(operations);
            all.addFirst(new MaxPoolForward(o.layer(), o.geometry(), input, output, o.winners()));
            return all;
        }
        return operations;
    }

    /** What the host fills are parameters in persistent memory or inputs; what operations make are outputs. */
    private static List<Operation> bind(List<Operation> operations) {
        Set<Tensor> operands = new HashSet<>();
        Set<Tensor> written = new HashSet<>();
        for (Operation operation : operations) {
            operation.reads().stream().filter(tensor -> !written.contains(tensor)).forEach(operands::add);
            written.addAll(operation.writes());
        }
        return operations.stream().map(o -> Rebinding.rebind(o, tensor -> copy(tensor, tensor.id(), role(tensor, operands)))).toList();
    }

    private static Role role(Tensor tensor, Set<Tensor> operands) {
        if (tensor.format() == Format.WINNERS) {
            return Role.TRANSIENT;
        } else if (!operands.contains(tensor)) {
            return Role.OUTPUT;
        } else if (tensor.format() == Format.FILTER || tensor.format() == Format.VECTOR) {
            return Role.PARAMETER;
        } else {
            return tensor.role() == Role.CONSTANT ? Role.CONSTANT : Role.INPUT;
        }
    }

    private static Tensor copy(Tensor t, int id, Role role) {
        return new Tensor(id, t.name(), t.device(), t.format(), role, t.batch(), t.channels(), t.height(), t.width(), t.groups());
    }

    private Object values(Operation operation, Tensor tensor) {
        int count = (int) tensor.elements();
        return switch (tensor.format()) {
            case IMAGES -> {
                byte[] bytes = new byte[count];
                random.nextBytes(bytes);
                yield bytes;
            }
            case INTEGERS -> switch (operation) {
                case PrepareInput o -> crops(o);
                case SoftmaxCrossEntropy o -> random.ints(count, -1, o.logits().channels()).toArray();
                default -> throw new IllegalArgumentException(operation + " reads integers");
            };
            case ACTIVATION, FILTER, VECTOR -> switch (operation) {
                case PrepareInput o -> floats(count, 60, false);
                case ActivationBackward o when o.function() == Activation.TANH && o.output().equals(tensor) ->
                    tanh(floats(count, 1, false));
                default -> floats(count, Math.pow(2, random.nextInt(-3, 3)), random.nextInt(3) == 0);
            };
            case WINNERS -> throw new IllegalArgumentException("winners come from a forward pass");
        };
    }

    /** Windows inside the stored image where there is room, and some that reach over its edges. */
    private int[] crops(PrepareInput o) {
        int[] crops = new int[3 * o.output().batch()];
        for (int n = 0; n < o.output().batch(); n++) {
            int overhang = random.nextInt(3) == 0 ? 3 : 0;
            int roomY = Math.max(0, o.images().height() - o.output().height());
            int roomX = Math.max(0, o.images().width() - o.output().width());
            crops[3 * n] = random.nextInt(-overhang, roomY + overhang + 1);
            crops[3 * n + 1] = random.nextInt(-overhang, roomX + overhang + 1);
            crops[3 * n + 2] = random.nextInt(2);
        }
        return crops;
    }

    private static float[] tanh(float[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.tanh(values[i]);
        }
        return values;
    }

    /** Normal; sparse ones are half zeros, as after ReLU. */
    private float[] floats(int count, double deviation, boolean sparse) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = sparse && random.nextBoolean() ? 0 : (float) (deviation * random.nextGaussian());
        }
        return values;
    }
}
