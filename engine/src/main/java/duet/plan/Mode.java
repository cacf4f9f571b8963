package duet.plan;

/** What a plan is for. */
public enum Mode {
    /** forward with dropout, backward, update */
    TRAINING,
    /** forward only; gives losses, ranks and probabilities */
    EVALUATION
}
