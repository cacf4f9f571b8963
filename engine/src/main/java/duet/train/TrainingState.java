package duet.train;

/**
 * Where a training stands.
 *
 * @param step             steps done; with the batch size and the seed also the position in the data
 * @param options          as given when the training began (without output folder)
 * @param data             the option --data, for people and for resuming from the command line
 * @param rateDrops        how often the plateau policy has divided the rate
 * @param bestError        lowest validation top-1 error so far, 1 before the first validation
 * @param sinceBest        validations since then
 */
public record TrainingState(
        long step, TrainingOptions options, String data, int rateDrops, double bestError, int sinceBest) {}
