package duet.plan;

/** What a plan is for. */
public enum Mode {
    /** forward with dropout, backward, update */
    TRAINING,
    /** forward only; gives losses, ranks and probabilities */
    EVALUATION;

    /** As the command line, the peers of the benchmarks and a plan's report have it: {@code train} or {@code forward}. */
    @Override
    public String toString() {
        return this == TRAINING ? "train" : "forward";
    }
}
