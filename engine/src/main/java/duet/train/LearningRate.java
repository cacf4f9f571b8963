package duet.train;

/** A learning rate policy; the rate of a step is a function of what is recorded in a checkpoint. */
public sealed interface LearningRate {
    /** The rate of the first step. */
    double initial();

    record Constant(double initial) implements LearningRate {}

    /** Multiplied by factor after every {@code epochs} epochs. */
    record Steps(double initial, double epochs, double factor) implements LearningRate {}

    /** Multiplied by factor (0.1 in the paper) when the validation error has not fallen for {@code patience} validations, at most {@code times} times. */
    record Plateau(double initial, double factor, int patience, int times) implements LearningRate {}
}
