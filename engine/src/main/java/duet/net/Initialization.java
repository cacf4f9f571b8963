package duet.net;

/**
 * How a layer's parameters start: normally distributed weights of mean 0, one value for the biases.
 *
 * @param distribution of the weights
 * @param deviation    standard deviation of the weights (NORMAL only)
 * @param bias         first value of every bias
 */
public record Initialization(Distribution distribution, double deviation, double bias) {
    /** How the weights are drawn. */
    public enum Distribution {
        /** the given deviation; the paper's 0.01 */
        NORMAL,
        /** deviation sqrt(2 / inputs of one output): He et al. 2015 */
        HE,
        /** deviation sqrt(2 / (inputs + outputs)): Glorot and Bengio 2010 */
        XAVIER
    }

    public static final Initialization PAPER = new Initialization(Distribution.NORMAL, 0.01, 0);
}
