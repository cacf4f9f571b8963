package duet.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.device.Region;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.net.Network;

/**
 * What every stream of every device does for one batch, and where every tensor lies. Immutable data: it can be printed, drawn,
 * measured, checked ({@link PlanChecker}) and loaded into a backend.
 *
 * @param network         what is computed
 * @param placement       where
 * @param mode            for what
 * @param batch           images of a run
 * @param parameters      the network's parameters in network order (weight before bias); the same in every plan of one network and
 *                        placement. Its index is the rateIndex of {@link duet.device.Operation.SgdUpdate}.
 * @param inputs          what the host writes before a run, for each lane of each round of each part of the batch that a group of devices
 *                        computes; they may share a tensor
 * @param outputs         what the host reads after a run, likewise; copies of the same losses and so on are equal
 * @param streams         the steps of each stream
 * @param regions         where each tensor lies
 * @param persistentBytes for each device, the same in every plan of one network and placement
 * @param transientBytes  for each device
 * @param preparedBytes   for each device: of filters in another form, which the program keeps beside the two areas
 * @param checkedLayers   layer names by index into {@link Outputs#status()}: which layers' results are checked for NaN and infinity; a
 *                        layer in rounds has a place for each round
 */
public record Plan(
        Network network, Placement placement, Mode mode, int batch, List<Parameter> parameters, List<Inputs> inputs,
        List<Outputs> outputs, List<StreamSteps> streams, Map<Tensor, Region> regions, List<Long> persistentBytes,
        List<Long> transientBytes, List<Long> preparedBytes, List<String> checkedLayers) {

    /** Copies the lists. */
    public Plan {
        parameters = List.copyOf(parameters);
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
        streams = List.copyOf(streams);
        regions = Map.copyOf(regions);
        persistentBytes = List.copyOf(persistentBytes);
        transientBytes = List.copyOf(transientBytes);
        preparedBytes = List.copyOf(preparedBytes);
        checkedLayers = List.copyOf(checkedLayers);
    }

    /**
     * {@return the memory that it takes on a device, in bytes}
     *
     * @param device index of the device
     */
    public long bytes(int device) {
        return persistentBytes.get(device) + transientBytes.get(device) + preparedBytes.get(device);
    }

    /**
     * One parameter of the network, in canonical form, and the tensors that hold its parts and those of its momentum. Parts lie on one
     * device or different ones; some may be copies of others on other devices, and apart from that they are disjoint and together the
     * whole. Where several devices have the same part of a parameter but each updates only a share of it, the parts of the momentum are
     * these shares.
     *
     * @param name     such as {@code conv2.weight}
     * @param layer    that it belongs to
     * @param bias     whether it is a bias; else it is a weight
     * @param sizes    canonical sizes: [out][in/groups][kh][kw], [out][in] or [out]
     * @param parts    of the parameter
     * @param momentum parts of its momentum
     */
    public record Parameter(String name, String layer, boolean bias, List<Integer> sizes, List<Part> parts, List<Part> momentum) {
        /** Copies the lists. */
        public Parameter {
            sizes = List.copyOf(sizes);
            parts = List.copyOf(parts);
            momentum = List.copyOf(momentum);
        }

        /** {@return how many numbers the whole parameter has} */
        public int elements() {
            return sizes.stream().reduce(1, Math::multiplyExact);
        }
    }

    /**
     * A part of a parameter or of its momentum, on one device: outputs from firstOutput on, and of their inputs the channels from
     * firstInput on; how many is told by the tensor (FILTER: batch outputs of channels x height x width; VECTOR: channels outputs).
     *
     * @param tensor      holds the part
     * @param firstOutput of the whole parameter
     * @param firstInput  of the whole parameter
     */
    public record Part(Tensor tensor, int firstOutput, int firstInput) {
        /**
         * {@return the parts by what they hold, in the order of their first copies}
         *
         * @param parts of one parameter
         */
        public static List<List<Part>> copies(List<Part> parts) {
            Map<List<Object>, List<Part>> copies = new LinkedHashMap<>();
            parts.forEach(part -> copies.computeIfAbsent(List.of(part.firstOutput, part.firstInput, part.tensor.sizes()),
                    _ -> new ArrayList<>()).add(part));
            return copies.values().stream().map(List::copyOf).toList();
        }
    }

    /**
     * What the host writes before a run, for one lane in one round.
     *
     * @param runs        of the batch that this lane prepares, in the order in which they lie in the tensors; the same in all rounds
     * @param firstLabel  of the batch whose loss this lane computes in this round; the tensor says how many
     * @param images      see {@link duet.device.Operation.PrepareInput}
     * @param crops       see {@link duet.device.Operation.PrepareInput}
     * @param mean        see {@link duet.device.Operation.PrepareInput}
     * @param colourShift see {@link duet.device.Operation.PrepareInput}; null if the plan is without colour noise
     * @param labels      see {@link duet.device.Operation.SoftmaxCrossEntropy}
     * @param features    see {@link Requests#projected()}; else null
     */
    public record Inputs(List<Range> runs, int firstLabel, Tensor images, Tensor crops, Tensor mean, Tensor colourShift, Tensor labels,
            Tensor features) {
        /** Copies the list. */
        public Inputs {
            runs = List.copyOf(runs);
        }
    }

    /**
     * What the host reads after a run, for one lane in one round.
     *
     * @param firstImage    of the batch that these results are about; the tensors say how many
     * @param losses        for each image
     * @param ranks         for each image
     * @param probabilities in evaluation only, else null
     * @param auxiliary     in training the losses of the auxiliary classifiers for each image, in network order
     * @param status        INTEGERS, 1 x number of checked layers (0 fine, 1 not finite)
     * @param layers        what requested layers made, by name: this lane's share, or all of it on the first lane of a group; in the first
     *                      round, of all rounds
     * @param projection    see {@link Requests#projected()}; else null
     */
    public record Outputs(int firstImage, Tensor losses, Tensor ranks, Tensor probabilities, List<Tensor> auxiliary,
            Tensor status, Map<String, List<Piece>> layers, Tensor projection) {
        /** Copies the list and the map. */
        public Outputs {
            auxiliary = List.copyOf(auxiliary);
            layers = Map.copyOf(layers);
        }

        Outputs with(Tensor image) {
            return new Outputs(firstImage, losses, ranks, probabilities, auxiliary, status, layers, image);
        }
    }

    /**
     * A part of what a layer made.
     *
     * @param tensor       images x channels x rows x columns
     * @param firstImage   of the batch
     * @param firstChannel of the layer
     * @param firstRow     of the layer
     */
    public record Piece(Tensor tensor, int firstImage, int firstChannel, int firstRow) {}
}
