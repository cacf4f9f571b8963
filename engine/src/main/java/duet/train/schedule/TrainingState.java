package duet.train.schedule;

import duet.device.Arithmetic;

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
 * @param sinceBest        validations since then
 */
public record TrainingState(
        long step, TrainingOptions options, String data, int images, Arithmetic arithmetic, boolean validated, int rateDrops,
        double bestError,
        int sinceBest) {

    public static TrainingState initial(TrainingOptions options, String data, int images, Arithmetic arithmetic) {
        return new TrainingState(0, options.toBuilder().output(null).build(), data, images, arithmetic, true, 0, 1, 0);
    }

    public TrainingState continued(TrainingOptions options, Arithmetic arithmetic) {
        return new TrainingState(step, options.toBuilder().output(null).build(), data, images, arithmetic, validated, rateDrops, bestError,
                sinceBest);
    }

    /** One step later. */
    public TrainingState stepped() {
        return new TrainingState(step + 1, options, data, images, arithmetic, false, rateDrops, bestError, sinceBest);
    }

    /** The validation at the end of a training that does not end with an epoch: the plateau policy never sees it. */
    public TrainingState validatedAtEnd() {
        return new TrainingState(step, options, data, images, arithmetic, true, rateDrops, bestError, sinceBest);
    }

    /** After an epoch's validation with a share of {@code error} wrong answers: the plateau policy. */
    public TrainingState validated(double error) {
        if (error < bestError) {
            return new TrainingState(step, options, data, images, arithmetic, true, rateDrops, error, 0);
        }
        LearningRate.Plateau plateau = options.learningRate().plateau();
        boolean drop = plateau != null && sinceBest + 1 >= plateau.patience() && rateDrops < plateau.times();
        return new TrainingState(step, options, data, images, arithmetic, true, drop ? rateDrops + 1 : rateDrops, bestError,
                drop ? 0 : sinceBest + 1);
    }

    /** Passes over the data done after {@code steps} steps. */
    public double epoch(long steps) {
        return (double) steps * options.batch() / images;
    }

    /** Whether the last step crossed the end of an epoch. */
    public boolean atEpochEnd() {
        return step > 0 && step * options.batch() / images > (step - 1) * options.batch() / images;
    }

    /** Steps in all. */
    public long lastStep() {
        return options.steps() > 0 ? options.steps() : Math.ceilDiv((long) options.epochs() * images, options.batch());
    }

    /** Rate of step number {@code index}, counted from 0, for weights. */
    public double learningRate(long index) {
        return options.learningRate().at(epoch(index), rateDrops);
    }
}
