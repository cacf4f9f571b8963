/**
 * What a plan and a backend agree on: operations, tensors, the steps of streams, programs and memory; and the opening of devices by name.
 * {@code duet.plan} makes the steps, {@code duet.train} loads and runs them, {@code duet.device.cpu} and {@code duet.device.cuda} carry
 * them out.
 *
 * <p>Read {@link duet.device.Operation} first (each operation with its formula), then {@link duet.device.Tensor},
 * {@link duet.device.Step} and {@link duet.device.Backend}; {@link duet.device.Backends} opens what {@code --devices} names.
 *
 * <p>A new backend implements {@link duet.device.Backend} with its {@link duet.device.Layout}, {@link duet.device.Storage} and {@link
 * duet.device.Program} in a package of its own, and is found through {@link java.util.ServiceLoader}: a {@link
 * duet.device.BackendProvider}, named in {@code module-info.java} and in {@code META-INF/services/duet.device.BackendProvider}. No other
 * code of the engine changes. Its tests are a subclass of {@code OperationSuite}.
 */
package duet.device;
