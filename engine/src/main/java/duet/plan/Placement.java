package duet.plan;

import java.util.List;

import duet.net.Layer;
import duet.net.NetworkException;
import duet.net.Shape;

/**
 * Which device does which part of the work. The work is cut into lanes, and each device does one or several of them, in runs: lanes are
 * what the results depend on, devices only say who computes them. So the same lanes on another number of devices give the same bits.
 *
 * <p>A placement decides one layer at a time: from how its inputs lie, how the layer wants to see them, which part of its work each lane
 * does, and how the output lies then. {@link Forward} and {@link Backward} do the rest, whatever was decided.
 */
public sealed interface Placement permits Group, Replicas {
    /** Everything on one device. */
    Placement ONE_DEVICE = new OneDevice();
    /** The paper's two towers: each device owns half the filters of every layer. */
    Placement TWO_TOWERS = new Towers();
    /** The upper half of the image and of every map on one device, the lower half on another. */
    Placement HALVES = new Halves();

    /**
     * {@return each device has the whole network and a share of the images; the gradients are added}
     *
     * @param devices how many
     * @param parts   of the batch: the same number gives the same bits on any number of devices
     * @throws NetworkException if the parts cannot be shared out among the devices
     */
    static Placement data(int devices, int parts) {
        return data(ONE_DEVICE, devices, parts);
    }

    /**
     * {@return groups of devices of which each has the whole network and computes a share of the images; the gradients are added}
     *
     * @param group  how a group's devices share the work: a lane for each device
     * @param groups how many
     * @param parts  of the batch: the same number gives the same bits in any number of such groups
     * @throws NetworkException if the parts cannot be shared out among the groups
     */
    static Placement data(Placement group, int groups, int parts) {
        return new Replicas(group, groups, parts);
    }

    /**
     * {@return convolutions by images, fully connected layers by outputs (Krizhevsky 2014)}
     *
     * @param devices how many
     * @param parts   of the batch and of the outputs: the same number gives the same bits on any number of devices
     * @throws NetworkException if the parts cannot be shared out among the devices
     */
    static Placement hybrid(int devices, int parts) {
        return hybrid(devices, parts, 1);
    }

    /**
     * {@return the same with the fully connected layers in rounds: while one computes, the inputs of the next are on their way}
     *
     * @param devices how many
     * @param parts   of the batch and of the outputs
     * @param rounds  into which the batch is cut for the fully connected layers: another number adds their gradients in another order
     * @throws NetworkException if the parts cannot be shared out among the devices
     */
    static Placement hybrid(int devices, int parts, int rounds) {
        return new Hybrid(devices, parts, rounds);
    }

    /**
     * {@return whether parts can be shared out among devices}
     *
     * @param devices how many
     * @param parts   of a batch
     */
    static boolean goesOn(int devices, int parts) {
        return parts > 0 && Sums.devices(parts).contains(devices);
    }

    /** {@return what the command line calls it} */
    String label();

    /** {@return what reports call it} */
    String words();

    /** {@return how many devices it needs} */
    int devices();

    /** {@return into how many lanes the work is cut; a multiple of the devices} */
    int lanes();

    /** {@return what users call its parts: the runs of a batch where groups compute them, else the lanes} */
    int parts();

    /** {@return in how many rounds those layers are computed whose {@link Cut#inRounds} says so; 1 if none does} */
    int rounds();

    /** {@return how a group of devices shares the work; this placement itself where there are no groups} */
    Placement group();

    /** {@return into how many equal runs a batch is cut, of which each is computed by one group} */
    int replicas();

    /**
     * {@return how the image lies on the lanes of a group when it has been prepared}
     *
     * @param batch images that the group computes
     */
    Distribution image(int batch);

    /**
     * {@return how one layer is shared out among the lanes of a group}
     *
     * @param place the layer and how its inputs lie
     * @throws NetworkException if it cannot be cut like that
     */
    Cut cut(Place place);

    /**
     * What a placement knows of a layer.
     *
     * @param layer    the layer
     * @param inputs   whole shapes of its inputs
     * @param output   whole shape of its output
     * @param given    how the inputs lie
     * @param scores   whether it is the fully connected layer before a loss
     * @param gradient whether there are parameters before it, so that gradients go further down
     * @param batch    images of a run, or of a round
     * @param inRounds whether its inputs come in rounds: then the distributions are those of one round
     */
    record Place(Layer layer, List<Shape> inputs, Shape output, List<Distribution> given, boolean scores, boolean gradient,
            int batch, boolean inRounds) {
        /** Copies the lists. */
        public Place {
            inputs = List.copyOf(inputs);
            given = List.copyOf(given);
        }

        /** The same for a layer with which the rounds begin. */
        Place firstInRounds(int rounds) {
            return new Place(layer, inputs, output, given.stream().map(Distribution::ofRound).toList(), scores, gradient, batch / rounds,
                    true);
        }
    }

    /**
     * How one layer is shared out.
     *
     * @param seen     how its inputs lie when its work begins
     * @param made     how its output lies
     * @param work     which part of it a lane does
     * @param inRounds whether it is computed in {@link Placement#rounds rounds}, each of an equal run of the images, forward and at once
     *                 backward: so must be all that takes its output. The distributions are those of one round, with images from 0 on
     */
    record Cut(List<Distribution> seen, Distribution made, Work work, boolean inRounds) {
        /** Copies the list. */
        public Cut {
            seen = List.copyOf(seen);
        }

        Cut(List<Distribution> seen, Distribution made, Work work) {
            this(seen, made, work, false);
        }

        Cut(Distribution seen, Distribution made, Work work) {
            this(List.of(seen), made, work);
        }

        Cut computedInRounds() {
            return new Cut(seen, made, work, true);
        }
    }

    /** The part of a layer's work that each lane does. */
    enum Work {
        /** Computes from what it has; there are no parameters. */
        LOCAL,
        /** Owns its share of the outputs and sees all inputs. */
        OUTPUTS,
        /** Owns its share of a convolution's groups and sees only their inputs. */
        GROUPS,
        /** Owns the weights of its share of the inputs; the partial sums are added up. */
        INPUTS,
        /** The first device owns all of it and hands out the result. */
        FIRST_DEVICE,
        /** Has all parameters and its share of the images or rows; the gradients are added up. */
        REPLICATED
    }
}
