/**
 * The named networks, and trained networks in the formats of other programs: safetensors, Caffe and ONNX. The command line finds networks
 * here by name, training starts from them, {@link duet.use.ModelExchange} reads and writes the formats.
 *
 * <p>Read {@link duet.model.Networks} first, then {@code AlexNets} for how one is written down, {@link duet.model.Safetensors} for the
 * format of checkpoints, and {@code README.md} beside this file for the table of networks and what each format can hold.
 *
 * <p>A new network is a method in {@code AlexNets} or {@code CifarNetworks} that chains layers and names its source, an entry in
 * {@link duet.model.Networks} (the command line knows it from there), a case in {@code duet.train.Recipe}, and its sizes in
 * {@code NetworksTest}. One that needs no new layer also runs without code, as a JSON file; see {@link duet.net.NetworkJson}.
 */
package duet.model;
