/**
 * What a training leaves behind and reports while it runs: checkpoints, metrics, its output folder, listeners. {@code duet.train} writes
 * it, {@code duet.use} loads checkpoints, {@code duet.pictures} draws the metrics.
 *
 * <p>Read {@link duet.train.output.Checkpoint} first, then {@link duet.train.output.OutputFolder} for the names of the files and
 * {@link duet.train.output.TrainingListener} for watching a training from a program.
 */
package duet.train.output;
