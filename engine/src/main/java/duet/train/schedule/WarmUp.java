package duet.train.schedule;

import java.util.List;

/**
 * A rate that rises evenly from a thousandth over that many epochs, to another policy that is under way meanwhile (Goyal et al. 2017).
 *
 * @param epochs until the other policy's rate is reached
 * @param then   the other policy
 */
public record WarmUp(double epochs, LearningRate then) implements LearningRate {
    private static final double LEAST = 1e-3;

    /** Throws an {@link IllegalArgumentException} for numbers that make no sense. */
    public WarmUp {
        RateNumbers.require(epochs > 0 && Double.isFinite(epochs),
                "the epochs over which the learning rate rises must be above 0, not " + epochs);
        RateNumbers.require(then != null && !(then instanceof WarmUp), "a learning rate warms up once, to another policy");
    }

    private double share(double epoch) {
        return Math.clamp(epoch / epochs, LEAST, 1);
    }

    /** The rate that it rises to if it did not fall meanwhile. */
    @Override
    public double initial() {
        return then.initial();
    }

    @Override
    public LearningRate startingAt(double rate) {
        return new WarmUp(epochs, then.startingAt(rate));
    }

    @Override
    public double at(double epoch, int drops) {
        return share(epoch) * then.at(epoch, drops);
    }

    @Override
    public double at(String layer, boolean bias, double epoch, int drops, double biasFactor) {
        return share(epoch) * then.at(layer, bias, epoch, drops, biasFactor);
    }

    @Override
    public double weightDecay(String layer, double epoch, double usual) {
        return then.weightDecay(layer, epoch, usual);
    }

    @Override
    public double colourNoise(double epoch) {
        return then.colourNoise(epoch);
    }

    @Override
    public boolean leavesColourNoiseOff() {
        return then.leavesColourNoiseOff();
    }

    @Override
    public List<String> layers() {
        return then.layers();
    }

    @Override
    public String phase(double epoch, int drops) {
        return epoch < epochs ? null : then.phase(epoch, drops);
    }

    @Override
    public LearningRate.Plateau plateau() {
        return then.plateau();
    }
}
