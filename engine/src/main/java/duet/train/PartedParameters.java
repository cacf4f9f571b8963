package duet.train;

import java.util.List;

import duet.device.Program;
import duet.device.Tensor;
import duet.plan.Plan;

/**
 * Canonical parameters from and to their parts on several devices. A part holds some outputs and, of their inputs, some channels:
 * in the canonical [out][channel][y][x] it is, for each of its outputs, one run of numbers.
 */
record PartedParameters(List<Plan.Parameter> parameters, Program program) {

    float[] read(int index, boolean momentum) {
        Plan.Parameter parameter = parameters.get(index);
        float[] whole = new float[parameter.elements()];
        boolean everywhere = everywhere(index, momentum);
        for (List<Plan.Part> copies : Plan.Part.copies(parts(index, momentum))) {
            Plan.Part part = everywhere ? copies.stream().filter(copy -> program.here(copy.tensor())).findFirst().orElseThrow()
                    : copies.getFirst();
            boolean all = part.tensor().elements() == whole.length;
            float[] values = all ? whole : new float[Math.toIntExact(part.tensor().elements())];
            if (everywhere) {
                program.readHere(part.tensor(), values);
            } else {
                program.read(part.tensor(), values);
            }
            if (!all) {
                forEachRun(parameter, part, (inWhole, inPart, length) -> System.arraycopy(values, inPart, whole, inWhole, length));
            }
        }
        return whole;
    }

    private List<Plan.Part> parts(int index, boolean momentum) {
        return momentum ? parameters.get(index).momentum() : parameters.get(index).parts();
    }

    /** Whether this process can read a parameter, or its momentum, without the others. */
    boolean everywhere(int index, boolean momentum) {
        return Plan.Part.copies(parts(index, momentum)).stream()
                .allMatch(copies -> program.everywhere(copies.stream().map(Plan.Part::tensor).toList()));
    }

    void write(int index, boolean momentum, float[] whole) {
        Plan.Parameter parameter = parameters.get(index);
        if (whole.length != parameter.elements()) {
            throw new IllegalArgumentException(
                    parameter.name() + " has " + parameter.elements() + " elements, but " + whole.length + " are given");
        }
        for (Plan.Part part : parts(index, momentum)) {
            Tensor tensor = part.tensor();
            if (tensor.elements() == whole.length) {
                program.write(tensor, whole);
            } else if (program.here(tensor)) {
                float[] values = new float[Math.toIntExact(tensor.elements())];
                forEachRun(parameter, part, (inWhole, inPart, length) -> System.arraycopy(whole, inWhole, values, inPart, length));
                program.write(tensor, values);
            }
        }
    }

    private interface Run {
        void copy(int inWhole, int inPart, int length);
    }

    private static void forEachRun(Plan.Parameter parameter, Plan.Part part, Run run) {
        Tensor tensor = part.tensor();
        if (tensor.format() == Tensor.Format.VECTOR) {
            run.copy(part.firstOutput(), 0, tensor.channels());
            return;
        }
        int row = parameter.elements() / parameter.sizes().getFirst();
        int length = Math.toIntExact(tensor.elementsPerImage());
        int first = part.firstInput() * tensor.height() * tensor.width();
        for (int output = 0; output < tensor.batch(); output++) {
            run.copy((part.firstOutput() + output) * row + first, output * length, length);
        }
    }
}
