/**
 * What a network is: layers that take what others make, their shapes, and JSON for both. Nothing here knows devices, memory or data.
 * Plans, the named networks and everything that trains are built on it.
 *
 * <p>Read {@link duet.net.Network} first, then {@link duet.net.Node}, {@link duet.net.Layer} and {@code Shapes}, which infers sizes and
 * refuses what makes no sense with a sentence that names the layer; {@code Connections} is its part about who takes what.
 *
 * <p>A new layer begins with its operations, a record for each direction in {@link duet.device.Operation}, and their tests. Here it is a
 * record in {@link duet.net.Layer} (what a pixel sees; with parameters also their names, sizes and start), a case in {@code Shapes}
 * (size and checks) and one in {@code LayerJson} (type and fields). The layers are sealed, so the compiler names most of the places that
 * follow: plans, exchange with other formats, lists. {@code engine/README.md} has them all in order, also the silent ones.
 *
 * <p>A new network is a method in {@code duet.model} that chains layers with {@code NetworkBuilder}, or joins branches with
 * {@code GraphBuilder}; an entry in {@code Networks}; a case in {@code duet.train.Recipe}; and its sizes, from the source, in
 * {@code NetworksTest}. A network that needs no new layer also runs without code: as a JSON file for {@code --net}.
 */
package duet.net;
