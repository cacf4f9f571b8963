/**
 * {@code duet serve}: trained networks as a service. Begin with {@link duet.cli.serve.Service}, which answers; {@link
 * duet.cli.serve.ServedModel} is a network with its versions, {@link duet.cli.serve.InferRequest} and {@link
 * duet.cli.serve.InferResponse} are the Open Inference Protocol's bodies. Images are gathered into batches by {@link
 * duet.use.SharedClassifier}. {@link duet.cli.serve.Explainer} says what a network saw in a picture, for the page (PAGE.md beside this).
 */
package duet.cli.serve;
