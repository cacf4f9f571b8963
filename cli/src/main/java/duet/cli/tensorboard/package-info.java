/**
 * A training as TensorBoard shows it: event files beside {@code metrics.jsonl}.
 *
 * <p>Read {@link duet.cli.tensorboard.TensorBoardListener} first, then {@link duet.cli.tensorboard.EventFile} for the file's form.
 */
package duet.cli.tensorboard;
