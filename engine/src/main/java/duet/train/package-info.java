/**
 * Training: the loop, the devices' programs, and how networks are trained unless one says otherwise. The command line trains with it, and
 * so do programs that embed the engine; {@code duet.use} runs trained networks through {@link duet.train.Session}.
 *
 * <p>Read {@link duet.train.Trainer} first, then {@link duet.train.Session}, whose constructor makes and checks the plans and loads them.
 * {@code schedule} has rates, options and the state of a training, {@code output} what it writes; {@code README.md} beside this file
 * explains recipes, schedules, resuming and fine-tuning.
 *
 * <p>How a new network is trained is a case in {@link duet.train.Recipe}; without one it gets the paper's batch and rates, with ten epochs.
 */
package duet.train;
