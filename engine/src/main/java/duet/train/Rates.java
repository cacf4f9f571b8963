package duet.train;

import java.util.List;

import duet.device.RunParameters;
import duet.net.Network;
import duet.net.ParameterShape;
import duet.text.Suggestion;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;

/** The learning rate and weight decay of each parameter. */
public final class Rates {
    private final List<ParameterShape> parameters;

    /**
     * Rates for these parameters.
     *
     * @param parameters in network order
     */
    public Rates(List<ParameterShape> parameters) {
        this.parameters = parameters;
    }

    /**
     * Checks that a network has all layers that a policy names.
     *
     * @param network to be trained
     * @param policy  the learning rate
     * @throws TrainingException naming the layer that there is none of
     */
    public static void requireLayers(Network network, LearningRate policy) {
        List<String> layers = network.parameters().stream().map(ParameterShape::layer).distinct().toList();
        for (String layer : policy.layers()) {
            if (!layers.contains(layer)) {
                throw new TrainingException("the schedule has a rate for the layer " + layer + ", but " + network.name()
                        + " has no weights of that name; " + Suggestion.of(layer, layers));
            }
        }
    }

    /**
     * {@return seed, rates and decays for the next step of a state}
     *
     * @param state of the training
     */
    public RunParameters of(TrainingState state) {
        TrainingOptions options = state.options();
        LearningRate policy = options.learningRate();
        double epoch = state.epoch(state.step());
        float[] rates = new float[parameters.size()];
        float[] decays = new float[parameters.size()];
        for (int i = 0; i < rates.length; i++) {
            ParameterShape p = parameters.get(i);
            if (options.frozen().contains(p.layer())) {
                continue; // its momentum is 0 from the start, so that at rate and decay 0 it keeps its bits
            }
            rates[i] = (float) policy.at(p.layer(), p.bias(), epoch, state.rateDrops(), options.biasRateFactor());
            boolean free = p.bias() && !options.biasWeightDecay();
            decays[i] = free ? 0 : (float) policy.weightDecay(p.layer(), epoch, options.weightDecay());
        }
        return new RunParameters(options.seed(), state.step(), rates, decays, (float) options.momentum());
    }
}
