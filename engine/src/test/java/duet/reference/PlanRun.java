package duet.reference;

import java.util.ArrayList;
import java.util.List;

import duet.device.Backend;
import duet.device.Program;
import duet.device.RunParameters;
import duet.device.Storage;
import duet.device.Tensor;
import duet.plan.Plan;
import duet.plan.Plan.Parameter;
import duet.plan.Plan.Part;

/** A plan loaded into a backend, with whole parameters in canonical order; in full precision on the reference backend. */
final class PlanRun implements AutoCloseable {
    private final Plan plan;
    private final Program program;
    private final List<AutoCloseable> owned = new ArrayList<>();

    PlanRun(Plan plan, Backend backend) {
        this.plan = plan;
        Storage persistent = backend.allocate(plan.persistentBytes().stream().mapToLong(Long::longValue).toArray());
        Storage scratch = backend.allocateScratch(plan.transientBytes().stream().mapToLong(Long::longValue).toArray());
        program = backend.load(plan.streams(), plan.regions(), persistent, scratch);
        owned.addAll(List.of(program, persistent, scratch));
    }

    Parameter parameter(String name) {
        return plan.parameters().stream().filter(p -> p.name().equals(name)).findFirst().orElseThrow();
    }

    void write(Parameter parameter, double[] whole) {
        for (Part part : parameter.parts()) {
            double[] values = new double[(int) part.tensor().elements()];
            copyRows(parameter, part, whole, values, true);
            write(part.tensor(), values);
        }
    }

    double[] weights(Parameter parameter) {
        return whole(parameter, false);
    }

    double[] momentum(Parameter parameter) {
        return whole(parameter, true);
    }

    private double[] whole(Parameter parameter, boolean momentum) {
        double[] whole = new double[parameter.elements()];
        for (Part part : parameter.parts()) {
            double[] values = read(momentum ? part.momentum() : part.tensor());
            copyRows(parameter, part, whole, values, false);
        }
        return whole;
    }

    /** Row by row of outputs between the whole [out][in][kh][kw] (or [out]) and a part of its outputs and inputs. */
    private static void copyRows(Parameter parameter, Part part, double[] whole, double[] values, boolean toPart) {
        Tensor t = part.tensor();
        boolean vector = t.format() == Tensor.Format.VECTOR;
        int rows = vector ? t.channels() : t.batch();
        int row = values.length / rows;
        int wholeRow = parameter.elements() / parameter.sizes().getFirst();
        for (int i = 0; i < rows; i++) {
            int at = (part.firstOutput() + i) * wholeRow + (vector ? 0 : part.firstInput() * t.height() * t.width());
            if (toPart) {
                System.arraycopy(whole, at, values, i * row, row);
            } else {
                System.arraycopy(values, i * row, whole, at, row);
            }
        }
    }

    /** Writes one batch to every device. */
    void feed(byte[] images, int[] crops, int[] labels, float[] mean) {
        for (Plan.Inputs inputs : plan.inputs()) {
            program.write(inputs.images(), images);
            program.write(inputs.crops(), crops);
            program.write(inputs.labels(), labels);
            program.write(inputs.mean(), mean);
        }
    }

    void run(RunParameters parameters) {
        program.run(parameters);
    }

    double[] losses(int device) {
        return read(plan.outputs().get(device).losses());
    }

    int[] ranks(int device) {
        return integers(plan.outputs().get(device).ranks());
    }

    int[] status(int device) {
        return integers(plan.outputs().get(device).status());
    }

    private int[] integers(Tensor tensor) {
        int[] values = new int[(int) tensor.elements()];
        program.read(tensor, values);
        return values;
    }

    private double[] read(Tensor tensor) {
        double[] values = new double[(int) tensor.elements()];
        if (program instanceof ReferenceProgram reference) {
            reference.read(tensor, values);
            return values;
        }
        float[] floats = new float[values.length];
        program.read(tensor, floats);
        return Trial.doubles(floats);
    }

    private void write(Tensor tensor, double[] values) {
        if (program instanceof ReferenceProgram reference) {
            reference.write(tensor, values);
            return;
        }
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        program.write(tensor, floats);
    }

    /** The rates of a training step: biases learn at twice the rate and do not decay, as in the paper's code. */
    static RunParameters parameters(Plan plan, long seed, long step, float rate, float decay, float momentum) {
        float[] rates = new float[plan.parameters().size()];
        float[] decays = new float[plan.parameters().size()];
        for (int i = 0; i < rates.length; i++) {
            boolean bias = plan.parameters().get(i).bias();
            rates[i] = bias ? 2 * rate : rate;
            decays[i] = bias ? 0 : decay;
        }
        return new RunParameters(seed, step, rates, decays, momentum);
    }

    @Override
    public void close() {
        for (AutoCloseable resource : owned) {
            try {
                resource.close();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }
}
