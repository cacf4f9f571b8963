/**
 * How a training goes and where it stands: learning rates, options, the state that a checkpoint keeps. Values only; nothing here computes
 * on a device. {@code duet.train} asks for the rate of each step, the command line makes options of its arguments, checkpoints store both.
 *
 * <p>Read {@link duet.train.schedule.TrainingOptions} first, then {@link duet.train.schedule.LearningRate}. A new policy is a record
 * there; rates written down by hand are a {@link duet.train.schedule.Diary}, a JSON file that {@link duet.train.schedule.Schedules} reads.
 */
package duet.train.schedule;
