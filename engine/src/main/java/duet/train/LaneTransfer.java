package duet.train;

import java.lang.reflect.Array;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

import duet.data.Batch;
import duet.device.Program;
import duet.device.Tensor;
import duet.plan.Plan;
import duet.plan.Range;

/** Whole batches to the lanes of a plan, each of which takes its images, and their results back. */
record LaneTransfer(Plan plan, Program program) {
    /** Of a batch, what this process's devices take; colour shifts where the plan is one with colour noise. */
    void write(Batch batch) {
        Set<Tensor> written = new HashSet<>();
        for (Plan.Inputs inputs : plan.inputs()) {
            if (program.here(inputs.images()) && written.add(inputs.images())) {
                program.write(inputs.images(), images(batch, inputs));
                program.write(inputs.crops(), share(batch.crops(), inputs.crops(), inputs.runs()));
                if (inputs.colourShift() != null) {
                    program.write(inputs.colourShift(), share(batch.colourShifts(), inputs.colourShift(), inputs.runs()));
                }
            }
            if (program.here(inputs.labels()) && written.add(inputs.labels())) {
                program.write(inputs.labels(),
                        share(batch.labels(), inputs.labels(), List.of(new Range(inputs.firstLabel(), inputs.labels().batch()))));
            }
        }
    }

    /** The batch may have the images of some places alone. */
    private byte[] images(Batch batch, Plan.Inputs inputs) {
        int count = inputs.images().batch();
        int held = batch.places() == null ? plan.batch() : batch.places().cardinality();
        if (count == held) {
            return batch.images();
        }
        List<Range> runs = batch.places() == null ? inputs.runs()
                : inputs.runs().stream().map(run -> new Range(batch.places().get(0, run.first()).cardinality(), run.count())).toList();
        return share(batch.images(), held, new byte[batch.images().length / held * count], runs);
    }

    /** The places of a batch that this process hands to its devices. */
    BitSet places() {
        BitSet places = new BitSet(plan.batch());
        for (Plan.Inputs inputs : plan.inputs()) {
            if (program.here(inputs.images())) {
                inputs.runs().forEach(run -> places.set(run.first(), run.end()));
            }
            if (program.here(inputs.labels())) {
                places.set(inputs.firstLabel(), inputs.firstLabel() + inputs.labels().batch());
            }
        }
        return places;
    }

    /** The runs of a batch that a tensor takes; the array itself where that is all of it. */
    private int[] share(int[] whole, Tensor part, List<Range> runs) {
        return part.batch() == plan.batch() ? whole
                : share(whole, plan.batch(), new int[whole.length / plan.batch() * part.batch()], runs);
    }

    private float[] share(float[] whole, Tensor part, List<Range> runs) {
        return part.batch() == plan.batch() ? whole
                : share(whole, plan.batch(), new float[whole.length / plan.batch() * part.batch()], runs);
    }

    /** @param whole an array of what so many images have, and so is the part */
    private static <T> T share(T whole, int images, T part, List<Range> runs) {
        int image = Array.getLength(whole) / images;
        int offset = 0;
        for (Range run : runs) {
            System.arraycopy(whole, run.first() * image, part, offset, run.count() * image);
            offset += run.count() * image;
        }
        return part;
    }

    /** @param whole filled with the losses of the batch */
    void losses(float[] whole) {
        floats(whole, Plan.Outputs::losses);
    }

    /** @param whole filled with the probabilities of the batch, [image][class] */
    void probabilities(float[] whole) {
        floats(whole, Plan.Outputs::probabilities);
    }

    private void floats(float[] whole, Function<Plan.Outputs, Tensor> which) {
        int image = whole.length / plan.batch();
        for (Plan.Outputs outputs : covering()) {
            Tensor tensor = which.apply(outputs);
            float[] own = tensor.batch() == plan.batch() ? whole : new float[tensor.batch() * image];
            program.read(tensor, own);
            System.arraycopy(own, 0, whole, outputs.firstImage() * image, own.length);
        }
    }

    /** @param whole filled with the ranks of the batch */
    void ranks(int[] whole) {
        for (Plan.Outputs outputs : covering()) {
            Tensor tensor = outputs.ranks();
            int[] own = tensor.batch() == plan.batch() ? whole : new int[tensor.batch()];
            program.read(tensor, own);
            System.arraycopy(own, 0, whole, outputs.firstImage(), own.length);
        }
    }

    /** Results that make up the batch: where several lanes have the same images, the first one's. */
    private Collection<Plan.Outputs> covering() {
        Map<Integer, Plan.Outputs> byImage = new LinkedHashMap<>();
        plan.outputs().forEach(outputs -> byImage.putIfAbsent(outputs.firstImage(), outputs));
        return byImage.values();
    }
}
