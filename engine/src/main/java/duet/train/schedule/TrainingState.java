package duet.train.schedule;

import java.util.ArrayList;
import java.util.List;

import duet.device.Arithmetic;
import duet.json.Nullable;

/**
 * Where a training stands.
 *
 * @param step             steps done; with the batch size and the seed also the position in the data
 * @param options          as given when the training began, or last went on (without output folder)
 * @param data             the option --data, for people and for resuming from the command line
 * @param images           size of the training set
 * @param arithmetic       of the devices that computed it last
 * @param validated        whether the validation that follows this step (if any does) has been done
 * @param rateDrops        how often the plateau policy has divided the rate
 * @param bestError        lowest validation top-1 error so far, 1 before the first validation
 * @param sinceBest        validations since then, or since the plateau policy divided the rate
 * @param withoutBetter    validations since then in any case
 * @param parts            of the placement that computed it last; null where that has none, or the checkpoint is of before they were kept
 */
public record TrainingState(
        long step, TrainingOptions options, String data, int images, Arithmetic arithmetic, boolean validated, int rateDrops,
        double bestError, int sinceBest, int withoutBetter, @Nullable Parts parts) {

    /**
     * {@return the state before the first step}
     *
     * @param options    how to train; the output folder is not kept
     * @param data       what the data were opened from
     * @param images     to learn from
     * @param arithmetic of the backend
     * @param parts      of the placement, or null
     */
    public static TrainingState initial(TrainingOptions options, String data, int images, Arithmetic arithmetic, Parts parts) {
        return new TrainingState(0, options.toBuilder().output(null).build(), data, images, arithmetic, true, 0, 1, 0, 0, parts);
    }

    /**
     * {@return this state for a training that goes on with other options or another backend}
     *
     * @param options    from now on; the output folder is not kept
     * @param arithmetic of the backend
     * @param parts      of the placement, or null
     */
    public TrainingState continued(TrainingOptions options, Arithmetic arithmetic, Parts parts) {
        return new TrainingState(step, options.toBuilder().output(null).build(), data, images, arithmetic, validated, rateDrops, bestError,
                sinceBest, withoutBetter, parts);
    }

    /**
     * {@return what gives other bits than if the training had never stopped, a sentence each}
     *
     * @param before as the training stopped
     */
    public List<String> changesFrom(TrainingState before) {
        List<String> changes = new ArrayList<>();
        String consequence = ", so its numbers will not be those of one that was never stopped";
        if (!arithmetic.equals(before.arithmetic)) {
            changes.add("the training was computed in " + before.arithmetic + " and goes on in " + arithmetic + consequence);
        }
        if (before.parts != null && !before.parts.equals(parts)) {
            changes.add("the training was computed in " + before.parts.words() + " and goes on in "
                    + (parts == null ? "one" : parts.words()) + consequence);
        }
        return changes;
    }

    /** {@return the state one step later} */
    public TrainingState stepped() {
        return new TrainingState(step + 1, options, data, images, arithmetic, false, rateDrops, bestError, sinceBest, withoutBetter, parts);
    }

    /**
     * {@return the state after the validation at the end of a training that does not end with an epoch: the plateau policy never sees it}
     */
    public TrainingState validatedAtEnd() {
        return new TrainingState(step, options, data, images, arithmetic, true, rateDrops, bestError, sinceBest, withoutBetter, parts);
    }

    /**
     * {@return the state after an epoch's validation, which the plateau policy looks at}
     *
     * @param error share of wrong answers
     */
    public TrainingState validated(double error) {
        if (error < bestError) {
            return new TrainingState(step, options, data, images, arithmetic, true, rateDrops, error, 0, 0, parts);
        }
        LearningRate.Plateau plateau = options.learningRate().plateau();
        boolean drop = plateau != null && sinceBest + 1 >= plateau.patience() && rateDrops < plateau.times();
        return new TrainingState(step, options, data, images, arithmetic, true, drop ? rateDrops + 1 : rateDrops, bestError,
                drop ? 0 : sinceBest + 1, withoutBetter + 1, parts);
    }

    /**
     * {@return the passes over the data done after {@code steps} steps}
     *
     * @param steps from the beginning
     */
    public double epoch(long steps) {
        return (double) steps * options.batch() / images;
    }

    /** {@return whether the last step crossed the end of an epoch} */
    public boolean atEpochEnd() {
        return step > 0 && step * options.batch() / images > (step - 1) * options.batch() / images;
    }

    /** {@return whether as many validations as are waited for have not brought a lower error} */
    public boolean exhausted() {
        return options.earlyStop() > 0 && withoutBetter >= options.earlyStop();
    }

    /** {@return the steps in all} */
    public long lastStep() {
        return options.steps() > 0 ? options.steps() : Math.ceilDiv((long) options.epochs() * images, options.batch());
    }

    /**
     * {@return the rate of a step, for weights}
     *
     * @param index number of the step, counted from 0
     */
    public double learningRate(long index) {
        return options.learningRate().at(epoch(index), rateDrops);
    }
}
