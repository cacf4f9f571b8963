package duet.use;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.model.Networks;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.output.Checkpoint;

/** Networks with random weights, and what they make of random images. */
final class TestModels {
    private TestModels() {}

    /** Weights by He's rule, so that every layer has a say in the probabilities; the last layer's are small, so that none is 0 or 1. */
    static Checkpoint random(Network network, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, float[]> tensors = new HashMap<>();
        List<ParameterShape> parameters = network.parameters();
        for (ParameterShape parameter : parameters) {
            // without normalisation raw levels stay large to the end
            boolean large = network.inputScale() == 1 && network.layers().stream().noneMatch(layer -> layer.name().startsWith("norm"));
            boolean last = parameter.sizes().getFirst() == network.classes() && parameters.indexOf(parameter) >= parameters.size() - 2;
            double deviation = parameter.bias() ? 0.5
                    : Math.sqrt(2.0 / parameter.inputs()) / (last ? (large ? 400 : 20) * Math.max(network.inputScale(), 0.2) : 1);
            float[] values = new float[parameter.elements()];
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (deviation * random.nextGaussian());
            }
            tensors.put(parameter.name(), values);
        }
        Shape stored = Datasets.storedFor(network.input());
        float[] mean = new float[Math.toIntExact(stored.elements())];
        for (int i = 0; i < mean.length; i++) {
            mean[i] = (float) random.nextDouble(100, 150);
        }
        tensors.put(Checkpoint.MEAN, mean);
        return new Checkpoint(network, IntStream.range(0, network.classes()).mapToObj(label -> "name " + label).toList(), stored, tensors,
                null);
    }

    static byte[] image(Shape stored, long seed) {
        byte[] pixels = new byte[Math.toIntExact(stored.elements())];
        new SplittableRandom(seed).nextBytes(pixels);
        return pixels;
    }

    static float[] probabilities(Checkpoint checkpoint, byte[] pixels) {
        float[] probabilities = new float[checkpoint.network().classes()];
        try (Backend backend = Backends.open("cpu", 0);
                Classifier classifier = Classifier.create(checkpoint, Placement.ONE_DEVICE, backend, 1)) {
            classifier.classify(pixels).forEach(prediction -> probabilities[prediction.label()] = prediction.probability());
        }
        return probabilities;
    }

    /** The centre of a stored image, [channels][height][width]. */
    static float[] centre(Shape stored, Shape input, byte[] pixels) {
        float[] values = new float[Math.toIntExact(input.elements())];
        int top = (stored.height() - input.height()) / 2;
        int left = (stored.width() - input.width()) / 2;
        for (int i = 0; i < values.length; i++) {
            int channel = i / (input.height() * input.width());
            int row = top + i / input.width() % input.height();
            values[i] = pixels[(row * stored.width() + left + i % input.width()) * stored.channels() + channel] & 0xff;
        }
        return values;
    }
}
