package duet.train.schedule;

/**
 * A line of metrics.jsonl that says that the rates have changed by a jump. Rates that move all the time are in the lines of the steps.
 *
 * @param event        {@link #EVENT}
 * @param step         the first step with the new rates, counted from 1
 * @param epoch        passes over the data done before it
 * @param learningRate of weights in general
 * @param cause        {@code epoch}, or {@code validation} for the plateau policy
 * @param rates        all of them in words
 */
public record RateChange(String event, long step, double epoch, double learningRate, String cause, String rates) {
    public static final String EVENT = "rate";
    private static final String EPOCH = "epoch";
    private static final String VALIDATION = "validation";

    /** Before the next step of this state: null if its rates are those of the last one, or move all the time. */
    public static RateChange byEpoch(TrainingState state) {
        if (state.step() == 0) {
            return null;
        }
        String before = phase(state, state.step() - 1);
        String now = phase(state, state.step());
        return now == null || now.equals(before) ? null : of(state, EPOCH, now);
    }

    /** Right after a validation that has changed the state: null if the plateau policy did nothing. */
    public static RateChange byValidation(TrainingState before, TrainingState after) {
        String now = phase(after, after.step());
        return before.rateDrops() == after.rateDrops() ? null
                : of(after, VALIDATION, now == null ? "learning rate " + LearningRate.number(after.learningRate(after.step())) : now);
    }

    private static RateChange of(TrainingState state, String cause, String rates) {
        return new RateChange(EVENT, state.step() + 1, state.epoch(state.step()), state.learningRate(state.step()), cause, rates);
    }

    private static String phase(TrainingState state, long index) {
        return state.options().learningRate().phase(state.epoch(index), state.rateDrops());
    }

    /** The step whose checkpoint is the first that comes after this line. */
    public long knownAfter() {
        return cause.equals(VALIDATION) ? step - 1 : step;
    }
}
