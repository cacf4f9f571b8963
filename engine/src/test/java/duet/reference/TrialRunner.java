package duet.reference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import duet.device.Backend;
import duet.device.Operation;
import duet.device.Program;
import duet.device.Region;
import duet.device.Region.Area;
import duet.device.Step;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.Tensor.Format;

/** Runs a trial on the first device of a backend. */
final class TrialRunner {
    private static final int UNTOUCHED = -77;

    private final Backend backend;
    private final Trial trial;
    private final Area parameters;
    private final Map<Tensor, Region> regions = new HashMap<>();
    private final long[] persistent;
    private final long[] scratch;

    private TrialRunner(Backend backend, Trial trial, Area parameters) {
        this.backend = backend;
        this.trial = trial;
        this.parameters = parameters;
        persistent = new long[backend.devices().size()];
        scratch = new long[backend.devices().size()];
    }

    /** The results after two runs of one program: a float[] or int[] for each; throws if the two runs differ. */
    static Map<Tensor, Object> run(Backend backend, Trial trial) {
        return run(backend, trial, Area.PERSISTENT);
    }

    /** @param parameters where they lie; a backend may prepare persistent filters before a run, the others not */
    static Map<Tensor, Object> run(Backend backend, Trial trial, Area parameters) {
        return new TrialRunner(backend, trial, parameters).run();
    }

    private Map<Tensor, Object> run() {
        trial.tensors().forEach(t -> regions.put(t, place(t.role().persistent() ? parameters : Area.TRANSIENT, backend.bytes(t))));
        List<Step> steps = new ArrayList<>();
        for (Operation operation : trial.operations()) {
            long workspace = backend.workspaceBytes(operation, 0);
            steps.add(new Step.Launch(operation, workspace == 0 ? null : place(Area.TRANSIENT, workspace)));
        }
        List<StreamSteps> streams = List.of(new StreamSteps(0, StreamSteps.Kind.COMPUTE, steps));
        try (Storage weights = backend.allocate(persistent);
                Storage others = backend.allocateScratch(scratch);
                Program program = backend.load(streams, regions, weights, others)) {
            Map<Tensor, Object> first = runOnce(program);
            requireSameBits("the first run", first, "the second", runOnce(program));
            return first;
        }
    }

    private Region place(Area area, long bytes) {
        long[] used = area == Area.PERSISTENT ? persistent : scratch;
        Region region = new Region(area, used[0], bytes);
        used[0] = Region.align(region.end());
        return region;
    }

    /** Results are filled with what must not be there afterwards. */
    private Map<Tensor, Object> runOnce(Program program) {
        for (Tensor tensor : trial.results()) {
            write(program, tensor, poison(tensor));
        }
        trial.operands().forEach((tensor, values) -> write(program, tensor, values));
        program.run(trial.parameters());
        Map<Tensor, Object> results = new LinkedHashMap<>();
        for (Tensor tensor : trial.results()) {
            Object values = poison(tensor);
            switch (values) {
                case float[] floats -> program.read(tensor, floats);
                case int[] ints -> program.read(tensor, ints);
                default -> throw new AssertionError(tensor);
            }
            results.put(tensor, values);
        }
        return results;
    }

    private static Object poison(Tensor tensor) {
        if (tensor.format() == Format.INTEGERS) {
            int[] ints = new int[(int) tensor.elements()];
            Arrays.fill(ints, UNTOUCHED);
            return ints;
        }
        float[] floats = new float[(int) tensor.elements()];
        Arrays.fill(floats, Float.NaN);
        return floats;
    }

    static void write(Program program, Tensor tensor, Object values) {
        switch (values) {
            case float[] floats -> program.write(tensor, floats);
            case int[] ints -> program.write(tensor, ints);
            case byte[] bytes -> program.write(tensor, bytes);
            default -> throw new AssertionError(tensor);
        }
    }

    static void requireSameBits(String left, Map<Tensor, Object> a, String right, Map<Tensor, Object> b) {
        a.forEach((tensor, values) -> {
            boolean same = switch (values) {
                case float[] floats -> Arrays.equals(floats, (float[]) b.get(tensor));
                case int[] ints -> Arrays.equals(ints, (int[]) b.get(tensor));
                default -> false;
            };
            if (!same) {
                throw new AssertionError(tensor + " has other bits after " + left + " than after " + right + ".");
            }
        });
    }

    /** Throws if a result is further from the reference than it may be, naming the worst element. */
    static void requireClose(Trial.Expectation expected, Map<Tensor, Object> results) {
        results.forEach((tensor, values) -> {
            double[] actual = Trial.doubles(values);
            double[] wanted = expected.values().get(tensor);
            double[] allowed = expected.allowed().get(tensor);
            int worst = -1;
            double worstExcess = 0;
            for (int i = 0; i < actual.length; i++) {
                double excess = excess(tensor, actual[i], wanted[i], allowed[i]);
                if (excess > worstExcess) {
                    worst = i;
                    worstExcess = excess;
                }
            }
            if (worst >= 0) {
                throw new AssertionError(String.format(Locale.ROOT,
                        "%s: element %d is %s, the reference says %s, allowed is a difference of %.3g.",
                        tensor, worst, actual[worst], wanted[worst], allowed[worst]));
            }
        });
    }

    /** How many times too far off; 0 if it is close enough. A result is rounded to float in the end, whatever the operation. */
    private static double excess(Tensor tensor, double actual, double wanted, double allowed) {
        double rounded = tensor.format() == Format.INTEGERS ? wanted : (float) wanted;
        if (actual == rounded || Double.isNaN(actual) && Double.isNaN(wanted)) {
            return 0;
        }
        double difference = Math.abs(actual - wanted);
        double limit = allowed + (allowed == 0 ? 0 : Tolerance.ROUNDING * Math.abs(wanted));
        return difference <= limit ? 0 : Double.isNaN(difference) || limit == 0 ? Double.MAX_VALUE : difference / limit;
    }
}
