package duet.train;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.ParameterShape;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingException;

/**
 * What a new training takes over from a trained network: every layer whose parameters all have the same names and sizes. The scores are
 * taken only if the classes are the same ones: else a class's weights would serve another.
 *
 * @param taken layers that start with the trained weights, in network order
 * @param fresh layers that are re-initialised
 */
public record FineTuning(List<String> taken, List<String> fresh) {
    /** Copies the lists. */
    public FineTuning {
        taken = List.copyOf(taken);
        fresh = List.copyOf(fresh);
    }

    /**
     * {@return the trained network for another number of classes: its last layer gets that many outputs}
     *
     * @param trained the network that was trained
     * @param classes of the new data
     */
    public static Network network(Network trained, int classes) {
        List<String> scores = trained.allScores();
        return trained.with(layer -> layer instanceof Layer.FullyConnected l && scores.contains(l.name())
                ? new Layer.FullyConnected(l.name(), classes, l.bias(), l.initialization()) : layer);
    }

    /**
     * {@return what a new training takes over from a checkpoint}
     *
     * @param from       the trained network
     * @param network    the one to be trained
     * @param classNames of the new training's data
     * @throws TrainingException if nothing at all can be taken
     */
    public static FineTuning of(Checkpoint from, Network network, List<String> classNames) {
        List<ParameterShape> trained = from.network().parameters();
        Map<String, Boolean> fits = new LinkedHashMap<>();
        for (ParameterShape wanted : network.parameters()) {
            boolean same = trained.stream().anyMatch(other -> other.name().equals(wanted.name()) && other.sizes().equals(wanted.sizes()));
            fits.merge(wanted.layer(), same, Boolean::logicalAnd);
        }
        if (!DataFit.sameClasses(from.classNames(), classNames)) {
            network.allScores().forEach(scores -> fits.put(scores, false));
        }
        if (!fits.containsValue(true)) {
            throw new TrainingException("no layer of " + network.name() + " has the names and sizes of the trained " + from.network().name()
                    + ", so there is nothing to take over");
        }
        return new FineTuning(fits.keySet().stream().filter(fits::get).toList(),
                fits.keySet().stream().filter(layer -> !fits.get(layer)).toList());
    }

    /**
     * Makes sure that a network has a layer that can be frozen.
     *
     * @param network any
     * @param layer   its name
     * @throws NetworkException if there is none, with the nearest name, or if it has no parameters
     */
    public static void requireFreezable(Network network, String layer) {
        network.layer(layer);
        if (network.parameters().stream().noneMatch(shape -> shape.layer().equals(layer))) {
            throw new NetworkException(layer + ": has no parameters that could be frozen; name a convolution or fully connected layer");
        }
    }

    /** Without {@link Layer.Convolution#maximumRms} where a layer is frozen: what is frozen is not scaled back either. */
    static Network withoutScaling(Network network, List<String> frozen) {
        return network.with(layer -> layer instanceof Layer.Convolution c && frozen.contains(c.name())
                ? new Layer.Convolution(c.name(), c.filters(), c.kernel(), c.stride(), c.padding(), c.groups(), c.rounding(),
                        c.bias(), c.initialization())
                : layer);
    }

    /** Puts the trained weights in place. */
    void apply(Checkpoint from, Session session) {
        for (int i = 0; i < session.shapes().size(); i++) {
            ParameterShape shape = session.shapes().get(i);
            if (taken.contains(shape.layer())) {
                session.setParameter(i, from.tensors().get(shape.name()));
            }
        }
    }
}
