package duet.use;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

import duet.data.Augmentation;
import duet.data.Batch;
import duet.data.BatchLoader;
import duet.data.Dataset;
import duet.data.Views;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Operation.Activation;
import duet.device.RunParameters;
import duet.model.Ablation;
import duet.model.Networks;
import duet.net.Network;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.DataFit;
import duet.train.LoadedPlan;
import duet.train.Recipe;
import duet.train.Session;
import duet.train.TrainingDivergedException;

/**
 * The paper's figure 1: the same four-layer network trained with ReLU and with tanh, each at its own learning rate, without any
 * regularisation (no weight decay, dropout or augmentation), and how soon each makes 25 % errors on its training images. The paper needed
 * six times as long with tanh on CIFAR-10.
 *
 * <p>The error is that over a fixed sample of the training images, measured every few steps: on easy data the first epoch decides.
 */
public final class ReluAgainstTanh {
    /** The share of wrong answers that the paper's dashed line marks. */
    public static final double LINE = 0.25;
    /**
     * The rates that reach 25 % soonest on Fashion-MNIST. Steps needed, by rate, with seed 1 and a sample of 1,024 images: ReLU 78 at
     * 0.002, 56 at 0.003, 96 at 0.005; tanh 103 at 0.02, 76 at 0.04. By a coarser measurement before: ReLU about 180 at 0.0005 and 120 at
     * 0.001, divergence at 0.01; tanh about 210 at 0.005 and 160 at 0.01, not within 300 steps at 0.0005 to 0.002 nor at 0.08.
     *
     * <p>CIFAR-10 wants smaller ones: ReLU 25 % after 2,102 steps at 0.001, not within 3,000 at 0.003; tanh after 8,503 at 0.01, not
     * within 3,000 at 0.04.
     */
    public static final double RELU_RATE = Recipe.FIGURE_1_RATE;
    /** See {@link #RELU_RATE}. */
    public static final double TANH_RATE = 0.04;
    private static final int BATCH = 128;
    private static final float MOMENTUM = 0.9f;

    private ReluAgainstTanh() {}

    /**
     * A measurement.
     *
     * @param step  steps done
     * @param epoch passes over the data done
     * @param error share of the sample that is wrong
     */
    public record Point(long step, double epoch, double error) {}

    /**
     * The course of one training.
     *
     * @param function the non-linearity
     * @param rate     the learning rate
     * @param points   in the order of their steps
     */
    public record Course(Activation function, double rate, List<Point> points) {
        /** Copies the list. */
        public Course {
            points = List.copyOf(points);
        }

        /**
         * {@return the number of steps after which the error has fallen to a value for the first time, between two measurements by a
         * straight line; NaN if it never has}
         *
         * @param error share of the sample that is wrong
         */
        public double stepsTo(double error) {
            for (int i = 1; i < points.size(); i++) {
                Point before = points.get(i - 1);
                Point after = points.get(i);
                if (after.error() <= error && before.error() > error) {
                    return before.step() + (after.step() - before.step()) * (before.error() - error) / (before.error() - after.error());
                }
            }
            return Double.NaN;
        }
    }

    /**
     * How long and how finely.
     *
     * @param steps  of each training
     * @param every  steps between two measurements in the beginning; later a twentieth of the steps done
     * @param sample training images that the error is measured on
     * @param seed   of the draws
     */
    public record Extent(long steps, int every, int sample, long seed) {
        /**
         * {@return an extent that is fine enough for data on which the first hundred steps decide}
         *
         * @param steps of each training
         * @param seed  of the draws
         */
        public static Extent of(long steps, long seed) {
            return new Extent(steps, 5, 2048, seed);
        }
    }

    /** Told after each measurement. */
    @FunctionalInterface
    public interface Listener {
        /**
         * Told of a measurement.
         *
         * @param function whose training it is
         * @param point    the measurement
         */
        void measured(Activation function, Point point);
    }

    /**
     * {@return the network {@code figure-1} for images of this size}
     *
     * @param input    size of the images
     * @param classes  of the data
     * @param function its non-linearity
     */
    public static Network network(Shape input, int classes, Activation function) {
        Network named = Networks.create("figure-1", input.channels(), classes);
        Network sized = new Network(named.name(), input, named.inputScale(), named.nodes());
        return function == Activation.RELU ? sized : Ablation.TANH.apply(sized);
    }

    /**
     * Trains one network.
     *
     * @param function  of the network
     * @param rate      the learning rate
     * @param data      the images to learn from
     * @param input     size that the network sees
     * @param extent    how long and how finely
     * @param placement on how many devices, and how
     * @param backend   the devices; stays open
     * @param listener  told of each measurement
     * @return the course
     */
    public static Course train(Activation function, double rate, Dataset data, Shape input, Extent extent, Placement placement,
            Backend backend,
            Listener listener) {
        Network network = network(input, data.classNames().size(), function);
        DataFit.require(network, data);
        List<Point> points = new ArrayList<>();
        try (Session session = new Session(network, placement, backend, data.stored(), BATCH, true, true);
                BatchLoader loader = BatchLoader.training(data, input, BATCH, extent.seed(), true, Augmentation.NONE, 0, 1)) {
            session.setMean(Datasets.meanImage(data, 2000));
            session.initialise(extent.seed());
            List<Batch> sample = sample(data, input, extent.sample());
            int parameters = session.shapes().size();
            float[] rates = new float[parameters];
            Arrays.fill(rates, (float) rate);
            long next = 0;
            for (long step = 0; step <= extent.steps(); step++) {
                if (step == next || step == extent.steps()) {
                    next = step + Math.max(extent.every(), step / 20);
                    points.add(new Point(step, (double) step * BATCH / data.size(), error(session, sample)));
                    listener.measured(function, points.getLast());
                }
                if (step < extent.steps()) {
                    LoadedPlan results = session.train(loader::next,
                            new RunParameters(extent.seed(), step, rates, new float[parameters], MOMENTUM), false);
                    requireFinite(results, function, rate, step);
                }
            }
        }
        return new Course(function, rate, points);
    }

    private static void requireFinite(LoadedPlan results, Activation function, double rate, long step) {
        if (results.notFinite() != null) {
            throw new TrainingDivergedException(results.notFinite() + ": gives NaN or infinity at step " + (step + 1) + " with " + function
                    + " and learning rate " + rate + ", so training has diverged: give a smaller learning rate", results.notFinite(),
                    step + 1);
        }
    }

    /** Images spread evenly over the data. */
    private static List<Batch> sample(Dataset data, Shape input, int count) {
        int images = Math.min(count, data.size());
        int bytes = Math.toIntExact(data.stored().elements());
        int[] crop = Views.centre(data.stored(), input);
        List<Batch> batches = new ArrayList<>();
        for (int first = 0; first < images; first += BATCH) {
            byte[] pixels = new byte[BATCH * bytes];
            int[] crops = new int[3 * BATCH];
            int[] labels = new int[BATCH];
            for (int i = 0; i < BATCH; i++) {
                System.arraycopy(crop, 0, crops, 3 * i, 3);
                labels[i] = first + i < images ? data.read((int) ((first + i) * (long) data.size() / images), pixels, i * bytes) : -1;
            }
            batches.add(new Batch(batches.size(), pixels, crops, labels, Math.min(BATCH, images - first)));
        }
        return batches;
    }

    private static double error(Session session, List<Batch> sample) {
        int images = 0;
        int right = 0;
        for (Batch batch : sample) {
            LoadedPlan results = session.evaluate(batch);
            images += results.present();
            right += results.top1();
        }
        return images == 0 ? 1 : 1 - (double) right / images;
    }
}
