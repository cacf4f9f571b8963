package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Operation.Activation;
import duet.device.Operation.ActivationBackward;
import duet.device.Operation.ActivationForward;
import duet.device.Operation.Add;
import duet.device.Operation.AddToSlice;
import duet.device.Operation.Dropout;
import duet.device.Operation.FilterRenormalise;
import duet.device.Operation.FiniteCheck;
import duet.device.Operation.Gather;
import duet.device.Operation.PrepareInput;
import duet.device.Operation.Scale;
import duet.device.Operation.SgdUpdate;
import duet.device.Operation.Slice;
import duet.device.Operation.SoftmaxCrossEntropy;
import duet.device.Operation.Stronger;
import duet.device.Tensor;

/** Trials of operations that are neither products nor neighbourhoods. */
final class OtherTrials {
    private final RandomGenerator random;
    private final List<Trial> trials = new ArrayList<>();

    private OtherTrials(RandomGenerator random) {
        this.random = random;
    }

    static List<Trial> elementwise(RandomGenerator random, int count) {
        OtherTrials o = new OtherTrials(random);
        for (int i = 0; i < count; i++) {
            o.elementwise(random.nextBoolean());
        }
        o.faultyActivations();
        return o.trials;
    }

    /** Separate results, or in place. */
    private void elementwise(boolean inPlace) {
        Tensors t = new Tensors();
        Tensor input = t.activation(random.nextInt(1, 6), random.nextInt(1, 40), random.nextInt(1, 8), random.nextInt(1, 8));
        Tensor output = inPlace ? input : t.like(input);
        for (Activation function : Activation.values()) {
            add(new ActivationForward("activation", function, input, output));
            Tensor gradient = t.like(input);
            add(new ActivationBackward("activation", function, input, gradient, inPlace ? gradient : output));
        }
        add(new Scale("scale", input, output, random.nextFloat(-2, 2)));
        Tensor right = t.like(input);
        add(new Add("add", input, right, output));
        add(new Add("add", right, input, output));
        int first = random.nextInt(0, 50);
        int total = first + input.channels() + random.nextInt(0, 50);
        float rate = random.nextBoolean() ? 0.5f : random.nextFloat();
        float scale = random.nextBoolean() ? 1 : 1 / (1 - rate);
        add(new Dropout("dropout", input, output, random.nextInt(0, 1000), rate, scale, total, first));
        dropoutOfPart(input, output, rate, scale, total, first);
        Tensor weight = random.nextBoolean() ? t.vector(random.nextInt(1, 100))
                : t.filter(2 * random.nextInt(1, 20), random.nextInt(1, 20), 3, 3, random.nextInt(1, 3));
        add(new SgdUpdate("fc", t.like(weight), weight, t.like(weight), random.nextInt(0, 20)));
    }

    /** Some of the images and rows; numbers beyond 32 bits; and what has one pixel, of one or of several. */
    private void dropoutOfPart(Tensor input, Tensor output, float rate, float scale, int total, int first) {
        int firstRow = random.nextInt(0, 20);
        add(new Dropout("dropout", input, output, 7, rate, scale, total, first, random.nextInt(Integer.MAX_VALUE), firstRow,
                firstRow + input.height() + random.nextInt(0, 20)));
        Tensor pixel = new Tensors().activation(input.batch(), 4 * input.channels(), 1, 1);
        int image = random.nextInt(Integer.MAX_VALUE);
        add(new Dropout("dropout", pixel, pixel, 7, rate, scale, 4 * total, 4 * first, image, 0, 1));
        add(new Dropout("dropout", pixel, pixel, 7, rate, scale, 4 * total, 4 * first, image, 1, 3));
    }

    /** Filters on either side of the radius; one of NaN stays as it is. */
    static List<Trial> renormalise(RandomGenerator random, int count) {
        OtherTrials o = new OtherTrials(random);
        for (int i = 0; i < count; i++) {
            int groups = random.nextInt(1, 3);
            Tensor weight = new Tensors().filter(groups * random.nextInt(1, 70), random.nextInt(1, 30), random.nextInt(1, 6),
                    random.nextInt(1, 6),
                    groups);
            Operation operation = new FilterRenormalise("conv", weight, random.nextFloat(0.05f, 2));
            o.add(operation);
            o.trials.add(Draw.with(Draw.trial(random, operation), weight, 0, Float.NaN));
        }
        return o.trials;
    }

    private void faultyActivations() {
        Tensors t = new Tensors();
        Tensor input = t.activation(2, 5, 3, 3);
        for (float fault : new float[] {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0f, Float.MIN_VALUE, -100, 100}) {
            for (Activation function : Activation.values()) {
                trials.add(Draw.with(Draw.trial(random, new ActivationForward("activation", function, input, input)), input, 44, fault));
            }
            Tensor status = t.integers(1, 2);
            Tensor other = t.filter(6, 3, 3, 3, 2);
            for (int index : new int[] {0, 17, 89}) {
                trials.add(Draw.with(
                        Draw.trial(random, new FiniteCheck("check", input, status, 1), new FiniteCheck("check", other, status, 0)),
                        input, index, fault));
                trials.add(Draw.with(
                        Draw.trial(random, new FiniteCheck("check", input, status, 1), new FiniteCheck("check", other, status, 0)),
                        other, index, fault));
            }
        }
    }

    /** Separate results, or in place of either; and images that are equally strong, far below 1 or above, faulty. */
    static List<Trial> stronger(RandomGenerator random, int count) {
        OtherTrials o = new OtherTrials(random);
        for (int i = 0; i < count; i++) {
            Tensors t = new Tensors();
            Tensor left = t.activation(random.nextInt(1, 12), random.nextInt(1, 40), random.nextInt(1, 8), random.nextInt(1, 8));
            Tensor right = t.like(left);
            for (Tensor output : List.of(t.like(left), left, right)) {
                Operation stronger = new Stronger("stronger", left, right, output);
                o.add(stronger);
                Trial trial = Draw.trial(random, stronger);
                for (int n = 0; n < left.batch(); n++) {
                    o.special(trial, n, (int) left.elementsPerImage());
                }
                o.trials.add(trial);
            }
        }
        return o.trials;
    }

    /** @param size of an image */
    private void special(Trial trial, int image, int size) {
        Stronger operation = (Stronger) trial.operations().getFirst();
        float[] left = (float[]) trial.operands().get(operation.left());
        float[] right = (float[]) trial.operands().get(operation.right());
        float small = random.nextBoolean() ? 0x1p-100f : 0x1p100f; // whose squares are no floats
        int kind = random.nextInt(5);
        for (int i = image * size; i < (image + 1) * size; i++) {
            switch (kind) {
                case 0 -> right[i] = -left[i];
                case 1 -> {
                    right[i] = 2 * small * left[i];
                    left[i] *= small;
                }
                case 2 -> right[i] = 0;
                default -> {}
            }
        }
        if (kind > 2) {
            float fault = random.nextBoolean() ? Float.NaN : Float.POSITIVE_INFINITY;
            (kind == 3 ? left : right)[image * size + random.nextInt(size)] = fault;
        }
    }

    static List<Trial> softmax(RandomGenerator random, int count) {
        OtherTrials o = new OtherTrials(random);
        for (int i = 0; i < count; i++) {
            Tensors t = new Tensors();
            int batch = random.nextInt(1, 20);
            Tensor logits = t.activation(batch, i == 0 ? 1000 : random.nextInt(2, 70), 1, 1);
            Operation softmax = new SoftmaxCrossEntropy("softmax", logits, t.integers(batch, 1), t.activation(batch, 1, 1, 1),
                    t.integers(batch, 1), random.nextBoolean() ? t.like(logits) : null, random.nextBoolean() ? t.like(logits) : null,
                    random.nextBoolean() ? batch : random.nextFloat(1, 100));
            Trial trial = Draw.trial(random, softmax);
            o.trials.add(trial);
            o.trials.add(o.extreme(Draw.trial(random, softmax), logits));
        }
        return o.trials;
    }

    /** Ties, and logits so far apart that e^x leaves the range of floats. */
    private Trial extreme(Trial trial, Tensor logits) {
        trial.operands().forEach((tensor, values) -> {
            if (tensor.id() == logits.id()) {
                float[] floats = (float[]) values;
                for (int i = 0; i < floats.length; i++) {
                    floats[i] = random.nextBoolean() ? random.nextInt(3) : random.nextInt(-200, 200);
                }
            }
        });
        return trial;
    }

    /** Ranges along each axis, of maps as wide as whole vectors or not; one is longer than a task of a thread. */
    static List<Trial> blocks(RandomGenerator random, int count) {
        OtherTrials o = new OtherTrials(random);
        for (Axis axis : Axis.values()) {
            o.blocks(axis, new Tensors().activation(3, 64, 20, 20));
            for (int i = 0; i < count; i++) {
                o.blocks(axis, new Tensors().activation(random.nextInt(1, 5), random.nextInt(1, 10) * (random.nextBoolean() ? 4 : 1),
                        random.nextInt(1, 6), random.nextInt(1, 6)));
            }
        }
        for (int i = 0; i < count; i++) {
            o.outputs();
        }
        return o.trials;
    }

    /** Outputs of filters, in blocks of 64 and a rest. */
    private void outputs() {
        Tensors t = new Tensors();
        int channels = random.nextInt(1, 9);
        int side = random.nextInt(1, 4);
        List<Integer> counts = new ArrayList<>();
        for (int p = random.nextInt(1, 4); p > 0; p--) {
            counts.add(64 * random.nextInt(1, 3));
        }
        counts.add(random.nextInt(1, 100));
        int first = counts.subList(0, random.nextInt(counts.size())).stream().mapToInt(Integer::intValue).sum();
        int all = counts.stream().mapToInt(Integer::intValue).sum();
        int some = random.nextBoolean() || all - first <= 64 ? all - first : 64;
        List<Tensor> parts = counts.stream().map(outputs -> t.gradient(t.filter(outputs, channels, side, side, 1))).toList();
        add(new Gather("gather", Axis.BATCH, parts, t.gradient(t.filter(all, channels, side, side, 1))));
        add(new Slice("slice", Axis.BATCH, t.gradient(t.filter(all, channels, side, side, 1)), first,
                t.gradient(t.filter(some, channels, side, side, 1))));
        groups(channels, side);
    }

    /** Outputs of filters in groups of whole blocks: parts that begin and end inside a group. */
    private void groups(int channels, int side) {
        Tensors t = new Tensors();
        int groups = random.nextInt(1, 4);
        int blocks = groups * random.nextInt(1, 4);
        int first = random.nextInt(blocks);
        int some = random.nextInt(1, blocks - first + 1);
        add(new Slice("slice", Axis.BATCH, t.gradient(t.filter(64 * blocks, channels, side, side, groups)), 64 * first,
                t.gradient(t.filter(64 * some, channels, side, side, 1))));
        List<Tensor> parts = IntStream.of(first, some, blocks - first - some).filter(count -> count > 0)
                .mapToObj(count -> t.gradient(t.filter(64 * count, channels, side, side, 1))).toList();
        add(new Gather("gather", Axis.BATCH, parts, t.gradient(t.filter(64 * blocks, channels, side, side, groups))));
    }

    /** @param shape of the first part */
    private void blocks(Axis axis, Tensor shape) {
        Tensors t = new Tensors();
        List<Tensor> parts = new ArrayList<>(List.of(t.like(shape)));
        int length = axis.length(shape);
        for (int p = random.nextInt(3); p > 0; p--) {
            parts.add(part(t, axis, shape, random.nextInt(1, 9) * (random.nextBoolean() ? 4 : 1)));
            length += axis.length(parts.getLast());
        }
        add(new Gather("gather", axis, parts, part(t, axis, shape, length)));
        int first = random.nextInt(length);
        Tensor part = part(t, axis, shape, random.nextInt(1, length - first + 1));
        add(new Slice("slice", axis, part(t, axis, shape, length), first, part));
        add(new AddToSlice("add", axis, t.like(part), part(t, axis, shape, length), first));
    }

    private static Tensor part(Tensors t, Axis axis, Tensor shape, int length) {
        return switch (axis) {
            case BATCH -> t.activation(length, shape.channels(), shape.height(), shape.width());
            case CHANNELS -> t.activation(shape.batch(), length, shape.height(), shape.width());
            case ROWS -> t.activation(shape.batch(), shape.channels(), length, shape.width());
        };
    }

    static List<Trial> prepareInput(RandomGenerator random, int count) {
        OtherTrials o = new OtherTrials(random);
        for (int i = 0; i < count; i++) {
            Tensors t = new Tensors();
            int batch = random.nextInt(1, 5);
            int channels = random.nextInt(1, 5);
            int height = random.nextInt(1, 30);
            int width = random.nextInt(1, 30);
            int storedHeight = height + random.nextInt(0, 8);
            int storedWidth = width + random.nextInt(0, 8);
            Tensor shift = random.nextBoolean() ? t.activation(batch, channels, 1, 1) : null;
            o.add(new PrepareInput("input", t.images(batch, channels, storedHeight, storedWidth), t.integers(batch, 3),
                    t.constant(channels, storedHeight, storedWidth), shift, t.activation(batch, channels, height, width),
                    random.nextBoolean() ? 1 : 1 / 64f));
        }
        return o.trials;
    }

    private void add(Operation... operations) {
        trials.add(Draw.trial(random, operations));
    }
}
