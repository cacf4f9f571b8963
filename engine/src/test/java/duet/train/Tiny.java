package duet.train;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

import duet.data.Augmentation;
import duet.data.Dataset;
import duet.data.Split;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.Operation;
import duet.net.Initialization;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Rounding;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.output.TrainingListener;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingOptions;

/** A network and data that are small enough to train in a test, with every kind of layer. */
public final class Tiny {
    public static final Shape STORED = new Shape(1, 12, 12);
    public static final List<String> CLASSES = List.of("bars", "columns", "checks", "blank");

    private Tiny() {}

    public static Network network() {
        return network(new Initialization(Initialization.Distribution.HE, 0, 0));
    }

    static Network network(Initialization start) {
        return Network.chain("tiny", new Shape(1, 10, 10), 1 / 64.0, List.of(
                new Layer.Convolution("conv1", 4, 3, 1, 1, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu1", Operation.Activation.RELU),
                new Layer.LocalResponseNorm("norm1", 3, 1e-3, 0.75, 1, 2),
                new Layer.Pooling("pool1", Layer.Pooling.Kind.MAX, 3, 2, 0, Rounding.CEIL),
                new Layer.Convolution("conv2", 6, 3, 1, 1, 2, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu2", Operation.Activation.RELU),
                new Layer.FullyConnected("fc3", 8, true, start),
                new Layer.Nonlinearity("relu3", Operation.Activation.RELU),
                new Layer.Dropout("drop3", 0.25, false),
                new Layer.FullyConnected("fc4", CLASSES.size(), true, start),
                new Layer.SoftmaxCrossEntropy("loss")));
    }

    /**
     * Layers so large that under data parallelism each device updates a share of them: 130 filters, scaled back, are two blocks of 64 and a
     * rest, so that of eight devices five have no share of them; of 384 filters in two groups the shares of four devices cross the border;
     * 200 outputs are three blocks and a rest.
     */
    public static Network wide() {
        Initialization start = new Initialization(Initialization.Distribution.HE, 0, 0);
        return Network.chain("wide", new Shape(1, 10, 10), 1 / 64.0, List.of(
                new Layer.Convolution("conv1", 64, 3, 4, 0, 1, Rounding.FLOOR, true, start),
                new Layer.Nonlinearity("relu1", Operation.Activation.RELU),
                new Layer.Convolution("conv2", 130, 3, 1, 1, 1, Rounding.FLOOR, true, start, 0.05),
                new Layer.Nonlinearity("relu2", Operation.Activation.RELU),
                new Layer.Convolution("grouped", 384, 3, 1, 1, 2, Rounding.FLOOR, true, start, 0.05),
                new Layer.Nonlinearity("relu", Operation.Activation.RELU),
                new Layer.Pooling("pool", Layer.Pooling.Kind.MAX, 2, 2, 0, Rounding.FLOOR),
                new Layer.FullyConnected("fc3", 200, true, start),
                new Layer.Nonlinearity("relu3", Operation.Activation.RELU),
                new Layer.Dropout("drop3", 0.25, false),
                new Layer.FullyConnected("fc4", CLASSES.size(), true, start),
                new Layer.SoftmaxCrossEntropy("loss")));
    }

    /** Batches of 8 that do not divide the 44 training images; ends of epochs after steps 6, 11, 17, 22. */
    public static TrainingOptions options() {
        return TrainingOptions.DEFAULTS.toBuilder().batch(8).epochs(4).seed(7).augmentation(Augmentation.STANDARD)
                .learningRate(new LearningRate.Constant(0.02)).build();
    }

    /** CPU devices, also where there is a card: one process uses either a card or the virtual GPU, which other tests need. */
    public static Backend backend(int devices) {
        return Backends.open(String.join(",", Collections.nCopies(devices, "cpu")), devices);
    }

    /** One training on one device, from its beginning to its end. */
    static Trainer.Result train(TrainingOptions options, Split data, TrainingListener listener) {
        try (Backend backend = backend(1); Trainer trainer = Trainer.create(network(), Placement.ONE_DEVICE, backend, data, options)) {
            return trainer.train(listener);
        }
    }

    public static Split data() {
        return new Split(new Patterns(44, CLASSES, 1), new Patterns(20, CLASSES, 2));
    }

    /** Stripes and checks under noise; image i has class i % classes. */
    public static final class Patterns implements Dataset {
        private final int size;
        private final List<String> classes;
        private final long seed;
        private final List<Integer> damaged = new ArrayList<>();

        public Patterns(int size, List<String> classes, long seed) {
            this.size = size;
            this.classes = classes;
            this.seed = seed;
        }

        /** These images cannot be read. */
        public Patterns damaged(int... indices) {
            IntStream.of(indices).forEach(damaged::add);
            return this;
        }

        @Override
        public String description() {
            return "patterns, " + size + " images";
        }

        @Override
        public List<String> classNames() {
            return classes;
        }

        @Override
        public Shape stored() {
            return STORED;
        }

        @Override
        public int size() {
            return size;
        }

        @Override
        public int read(int index, byte[] target, int offset) {
            SplittableRandom random = new SplittableRandom(1000 * seed + index);
            int label = index % classes.size();
            boolean broken = damaged.contains(index);
            for (int y = 0; y < 12; y++) {
                for (int x = 0; x < 12; x++) {
                    boolean dark = switch (label) {
                        case 0 -> y % 4 < 2;
                        case 1 -> x % 4 < 2;
                        case 2 -> (x / 2 + y / 2) % 2 == 0;
                        default -> true;
                    };
                    target[offset + 12 * y + x] = (byte) (broken ? 0 : (dark ? 40 : 160) + random.nextInt(80));
                }
            }
            return broken ? -1 : label;
        }

        @Override
        public void close() {}
    }
}
