package duet.train.schedule;

/**
 * A line of metrics.jsonl that says that the rates have changed by a jump. Rates that move all the time are in the lines of the steps.
 *
 * @param event        {@code rate}
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

    /**
     * {@return the change before the next step of a state; null if its rates are those of the last one, or move all the time}
     *
     * @param state of the training
     */
    public static RateChange byEpoch(TrainingState state) {
        if (state.step() == 0) {
            return null;
        }
        String before = phase(state, state.step() - 1);
        String now = phase(state, state.step());
        return now == null || now.equals(before) ? null : of(state, EPOCH, now);
    }

    /**
     * {@return the change right after a validation; null if the plateau policy did nothing}
     *
     * @param before the state before the validation
     * @param after  the state after it
     */
    public static RateChange byValidation(TrainingState before, TrainingState after) {
        String now = phase(after, after.step());
        return before.rateDrops() == after.rateDrops() ? null
                : of(after, VALIDATION, now == null ? "learning rate " + RateNumbers.number(after.learningRate(after.step())) : now);
    }

    private static RateChange of(TrainingState state, String cause, String rates) {
        return new RateChange(EVENT, state.step() + 1, state.epoch(state.step()), state.learningRate(state.step()), cause, rates);
    }

    private static String phase(TrainingState state, long index) {
        return state.options().learningRate().phase(state.epoch(index), state.rateDrops());
    }

    /** {@return the step whose checkpoint is the first that comes after this line} */
    public long knownAfter() {
        return cause.equals(VALIDATION) ? step - 1 : step;
    }
}
