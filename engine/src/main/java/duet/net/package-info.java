/**
 * What a network is: a chain of layers, their shapes, and JSON for both. Nothing here knows devices, memory or data. Plans, the named
 * networks and everything that trains are built on it.
 *
 * <p>Read {@link duet.net.Network} first, then {@link duet.net.Layer} and {@code Shapes}, which infers sizes and refuses what makes no
 * sense with a sentence that names the layer.
 *
 * <p>A new layer begins with its operations, a record for each direction in {@link duet.device.Operation}, and their tests. Here it is a
 * record in {@link duet.net.Layer}, a case in {@code Shapes} (size and checks) and one in {@code LayerJson} (type and fields). The layers
 * are sealed, so the compiler names most of the places that follow; {@code engine/README.md} lists all, also the silent ones.
 */
package duet.net;
