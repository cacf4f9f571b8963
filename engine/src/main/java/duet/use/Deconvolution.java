package duet.use;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.stream.IntStream;

import duet.data.Batch;
import duet.data.Dataset;
import duet.data.Views;
import duet.device.Backend;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.plan.Requests;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;

/**
 * What the features of a layer look for (Zeiler and Fergus 2013, figure 2): for each the images of a data set that excite it most, and what
 * of them does: its strongest unit projected back to the pixels, with every other unit of the layer at 0.
 */
public final class Deconvolution {
    private Deconvolution() {}

    /**
     * {@return the names of the convolutions whose features can be looked at, in order: not those of auxiliary classifiers}
     *
     * @param network any
     */
    public static List<String> convolutions(Network network) {
        return network.withoutAuxiliary().layers().stream().filter(Layer.Convolution.class::isInstance).map(Layer::name).toList();
    }

    /**
     * The unit of a feature that an image excites most.
     *
     * @param index   of the image in the data set; 0 for an image by itself
     * @param feature the channel
     * @param y       the unit's row in the layer's output
     * @param x       the unit's column in the layer's output
     * @param value   what the layer makes there
     */
    public record Unit(int index, int feature, int y, int x, float value) {}

    /**
     * {@return of each feature the {@code count} images that excite it most, the strongest first; images that do not excite it at all (no
     * value above 0) are left out; where several processes share the images, none in others than the first}
     *
     * @param activations   the layer
     * @param data          the images
     * @param count         units of a feature at most
     * @param loaderThreads threads that read and decode images
     * @param listener      told how far it is
     */
    public static List<List<Unit>> strongest(Activations activations, Dataset data, int count, int loaderThreads,
            TrainingListener listener) {
        Shape shape = activations.shape();
        int area = shape.height() * shape.width();
        Comparator<Unit> order = Comparator.comparingDouble(Unit::value).thenComparing(Unit::index, Comparator.reverseOrder());
        List<PriorityQueue<Unit>> best = new ArrayList<>();
        for (int feature = 0; feature < shape.channels(); feature++) {
            best.add(new PriorityQueue<>(order));
        }
        activations.forEach(data, loaderThreads, listener, (index, label, values, from) -> {
            for (int feature = 0; label >= 0 && feature < shape.channels(); feature++) {
                Unit unit = strongest(index, feature, shape, values, from + feature * area);
                if (unit.value() > 0) {
                    PriorityQueue<Unit> queue = best.get(feature);
                    queue.add(unit);
                    if (queue.size() > count) {
                        queue.poll();
                    }
                }
            }
        });
        return best.stream().map(queue -> queue.stream().sorted(order.reversed()).toList()).toList();
    }

    /** The strongest unit of a feature, whose values begin at {@code from}. */
    private static Unit strongest(int index, int feature, Shape shape, float[] values, int from) {
        int most = from;
        for (int i = from; i < from + shape.height() * shape.width(); i++) {
            most = values[i] > values[most] ? i : most;
        }
        return new Unit(index, feature, (most - from) / shape.width(), (most - from) % shape.width(), values[most]);
    }

    /**
     * {@return of each feature the unit that an image excites most, the most excited feature first; its value need not be above 0}
     *
     * @param shape  of the layer
     * @param values what the layer makes of the image, [channels][height][width]
     */
    public static List<Unit> strongest(Shape shape, float[] values) {
        int area = shape.height() * shape.width();
        return IntStream.range(0, shape.channels()).mapToObj(feature -> strongest(0, feature, shape, values, feature * area))
                .sorted(Comparator.comparingDouble(Unit::value).reversed()).toList();
    }

    /**
     * Projects what units see back to the image, on one device. In a network with branches (Inception modules, residual additions) a unit
     * follows the strongest: of what the users of a value send back to it, only the projection with the largest sum of squares goes on,
     * that of the first user if several are equal. Each unit chooses for itself.
     *
     * @param checkpoint the trained network
     * @param layer      the units' layer, by name
     * @param backend    one device; stays open
     * @param data       the images that the units were found in
     * @param units      all of one layer
     * @return for each unit [channels][height][width] of the network's input
     */
    public static List<float[]> project(Checkpoint checkpoint, String layer, Backend backend, Dataset data, List<Unit> units) {
        Network network = checkpoint.network();
        Shape shape = network.shape(layer);
        int batch = Math.max(1, Math.min(units.size(), 9));
        int image = Math.toIntExact(network.input().elements());
        List<float[]> projections = new ArrayList<>();
        try (Activations activations = Activations.create(checkpoint, Requests.projection(layer), Placement.ONE_DEVICE, backend, batch)) {
            for (int first = 0; first < units.size(); first += batch) {
                List<Unit> some = units.subList(first, Math.min(units.size(), first + batch));
                activations.session().setFeatures(features(shape, some, batch));
                float[] all = activations.session().evaluate(images(checkpoint, data, some, batch)).projection();
                for (int i = 0; i < some.size(); i++) {
                    projections.add(Arrays.copyOfRange(all, i * image, (i + 1) * image));
                }
            }
        }
        return projections;
    }

    /** [batch][channels][height][width]: 0 but for a unit of each image. */
    static float[] features(Shape shape, List<Unit> units, int batch) {
        int length = Math.toIntExact(shape.elements());
        float[] features = new float[batch * length];
        for (int i = 0; i < units.size(); i++) {
            Unit unit = units.get(i);
            features[i * length + (unit.feature() * shape.height() + unit.y()) * shape.width() + unit.x()] = unit.value();
        }
        return features;
    }

    private static Batch images(Checkpoint checkpoint, Dataset data, List<Unit> units, int batch) {
        int bytes = Math.toIntExact(data.stored().elements());
        byte[] pixels = Batch.room(batch, data.stored());
        int[] crop = Views.centre(checkpoint.stored(), checkpoint.network().input());
        int[] crops = new int[3 * batch];
        int[] labels = new int[batch];
        for (int i = 0; i < batch; i++) {
            System.arraycopy(crop, 0, crops, 3 * i, 3);
            labels[i] = i < units.size() ? 0 : -1; // plays no part
            if (i < units.size()) {
                data.read(units.get(i).index(), pixels, i * bytes);
            }
        }
        return new Batch(0, pixels, crops, labels, units.size());
    }
}
