package duet.use;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

import duet.data.Dataset;
import duet.data.source.Datasets;
import duet.train.DataFit;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;

/**
 * The images of a data set that a layer sees as most alike to others: those at the smallest Euclidean distance between what it makes of
 * them (the paper's figure 4, right). Every image is compared with every query, while vectors come and go batch by batch.
 */
public final class Neighbours {
    private Neighbours() {}

    /**
     * An image that is asked about.
     *
     * @param name   for people
     * @param pixels as the network stores images, [height][width][channels]
     */
    public record Query(String name, byte[] pixels) {
        /**
         * {@return a query for an image file of any size}
         *
         * @param file       JPEG, PNG, GIF, BMP or PPM
         * @param checkpoint the network, for the size of its images
         */
        public static Query of(Path file, Checkpoint checkpoint) {
            return new Query(String.valueOf(file.getFileName()), Datasets.readImage(file, checkpoint.stored()));
        }

        /**
         * {@return a query for an image of a data set; null if it is damaged}
         *
         * @param data  the images
         * @param index of the image
         */
        public static Query of(Dataset data, int index) {
            byte[] pixels = new byte[Math.toIntExact(data.stored().elements())];
            int label = data.read(index, pixels, 0);
            return label < 0 ? null : new Query(data.classNames().get(label), pixels);
        }
    }

    /**
     * An image that is near a query.
     *
     * @param index    in the data set
     * @param label    its class
     * @param distance Euclidean
     */
    public record Neighbour(int index, int label, double distance) {}

    /**
     * {@return for each query its nearest images, the nearest first; of equally near ones the earlier; where several processes share the
     * images, none in others than the first}
     *
     * @param activations   the layer that compares
     * @param queries       what is searched for
     * @param data          the images
     * @param count         how many
     * @param loaderThreads threads that read and decode images
     * @param listener      told how far it is
     */
    public static List<List<Neighbour>> find(
            Activations activations, List<Query> queries, Dataset data, int count, int loaderThreads, TrainingListener listener) {
        DataFit.requireStored(activations.checkpoint().stored(), data);
        Comparator<Neighbour> order = Comparator.comparingDouble(Neighbour::distance).thenComparingInt(Neighbour::index);
        List<float[]> vectors = queries.stream().map(query -> activations.of(query.pixels())).toList();
        List<PriorityQueue<Neighbour>> nearest = new ArrayList<>();
        queries.forEach(query -> nearest.add(new PriorityQueue<>(order.reversed())));
        activations.forEach(data, loaderThreads, listener, (index, label, values, from) -> {
            for (int q = 0; label >= 0 && q < vectors.size(); q++) {
                nearest.get(q).add(new Neighbour(index, label, distance(vectors.get(q), values, from)));
                if (nearest.get(q).size() > count) {
                    nearest.get(q).poll();
                }
            }
        });
        return nearest.stream().map(found -> found.stream().sorted(order).toList()).toList();
    }

    private static double distance(float[] query, float[] values, int from) {
        double sum = 0;
        for (int i = 0; i < query.length; i++) {
            double difference = query[i] - values[from + i];
            sum += difference * difference;
        }
        return Math.sqrt(sum);
    }
}
