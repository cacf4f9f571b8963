package duet.device;

/**
 * The numbers that change from run to run of one program.
 *
 * @param seed          key of all random numbers
 * @param step          number of this training step, from 0; part of the counter of all random numbers
 * @param learningRates for each rateIndex of {@link Operation.SgdUpdate}
 * @param weightDecays  likewise
 * @param momentum      mu, for all parameters
 */
public record RunParameters(long seed, long step, float[] learningRates, float[] weightDecays, float momentum) {
    /** For programs that neither draw random numbers nor update parameters. */
    public static final RunParameters NONE = new RunParameters(0, 0, new float[0], new float[0], 0);
}
