/**
 * What one does with a trained network: classify, evaluate, look at its features, exchange it with other programs. The top of the engine:
 * called by the command line, by {@code duet.pictures} and by programs that embed the engine, and by nothing below.
 *
 * <p>Read {@link duet.use.Classifier} first (the example in the project's README uses it), then {@link duet.use.Evaluation}; {@link
 * duet.use.SharedClassifier} is for programs in which many threads ask. Each class
 * takes a {@link duet.train.output.Checkpoint} and a {@link duet.device.Backend} that its caller owns and closes.
 */
package duet.use;
