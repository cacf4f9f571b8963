package duet.plan;

import java.util.ArrayList;
import java.util.List;

import duet.device.Layout;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.Shape;

/**
 * Makes plans. The same arguments give an equal plan.
 *
 * <p>With two towers each device holds half of the channels of every layer. Grouped convolutions, normalisation, pooling and
 * element by element layers work on their own half. A convolution of one group and a fully connected layer see all channels:
 * the devices exchange halves before it, and halves of its input's gradient on the way back. The last fully connected layer is
 * cut by its inputs instead: each device multiplies its own half, the two partial sums are exchanged and added, device 0 first,
 * and both devices go on with the same scores. Device 0 holds its bias.
 *
 * <p>In training every layer with parameters is checked for NaN and infinity, after the non-linearity that follows it. In
 * evaluation nothing is checked: {@link Plan#checkedLayers()} is empty and {@link Plan.Outputs#status()} is null.
 */
public final class Planner {
    private Planner() {}

    /**
     * Plans one batch.
     *
     * @param network   what to compute
     * @param placement where
     * @param mode      to train or to evaluate
     * @param batch     images of a run
     * @param images    how the host hands them over
     * @param dropout   false does without dropout layers: no masks in training, and so no scaling in evaluation. Use the same value for
     *                  both plans of a network
     * @param layout    the backend that will run it, or {@link Layout#PLAIN}
     * @return a plan; equal for equal arguments
     * @throws NetworkException if the network cannot be cut as the placement asks, or a tensor is too large for this batch
     */
    public static Plan plan(Network network, Placement placement, Mode mode, int batch, StoredImages images, boolean dropout,
            Layout layout) {
        return plan(network, placement, mode, batch, images, dropout, Requests.NONE, layout);
    }

    /**
     * Plans one batch of which more is asked than losses, ranks and probabilities.
     *
     * @param network   what to compute
     * @param placement where
     * @param mode      to train or to evaluate
     * @param batch     images of a run
     * @param images    how the host hands them over
     * @param dropout   false does without dropout layers; the same for both plans of a network
     * @param requests  of an evaluation; a training has {@link Requests#NONE}
     * @param layout    the backend that will run it, or {@link Layout#PLAIN}
     * @return a plan; equal for equal arguments
     * @throws NetworkException if the network cannot be cut as the placement asks, or a tensor is too large for this batch
     */
    public static Plan plan(
            Network network, Placement placement, Mode mode, int batch, StoredImages images, boolean dropout, Requests requests,
            Layout layout) {
        check(network, placement, mode, requests);
        if (batch <= 0) {
            throw new NetworkException("a batch has at least 1 image, not " + batch);
        }
        List<Division> divisions = Division.divide(network, placement);
        PlanBuilder builder = new PlanBuilder(placement.devices(), batch);
        ParameterTensors parameters = new ParameterTensors(builder, divisions);
        List<Plan.Inputs> inputs = inputs(builder, network, images, requests);
        boolean training = mode == Mode.TRAINING;
        Forward forward = new Forward(builder, parameters, divisions, training, dropout, requests);
        Value image = prepared(builder, network, inputs, images.divisor());
        Value scores = forward.run(divisions, image);
        String lossLayer = network.layers().getLast().name();
        Value gradient = training ? builder.value(lossLayer + ".input.gradient", divisions.getLast().input(), false) : null;
        List<Plan.Outputs> outputs = loss(builder, lossLayer, scores, inputs, gradient, forward);
        if (requests.projected() != null) {
            int index = network.layers().indexOf(network.layer(requests.projected()));
            outputs = List.of(projected(builder, parameters, forward.traces(), index, inputs.getFirst(), outputs.getFirst()));
        }
        if (training) {
            new Backward(builder, parameters).run(forward.traces(), gradient);
        }
        MemoryPlanner.Result memory = MemoryPlanner.plan(builder.tensors(), builder.streams(), placement.devices(), layout);
        return new Plan(network, placement, mode, batch, parameters.parameters(), inputs, outputs, memory.streams(), memory.regions(),
                memory.persistentBytes(), memory.transientBytes(), memory.preparedBytes(), forward.checkedLayers());
    }

    /**
     * {@return whether the network can be cut as the placement asks}
     *
     * @param network   any
     * @param placement where it is to be computed
     */
    public static boolean canPlace(Network network, Placement placement) {
        try {
            Division.divide(network, placement);
            return true;
        } catch (NetworkException e) {
            return false;
        }
    }

    private static void check(Network network, Placement placement, Mode mode, Requests requests) {
        if (mode == Mode.TRAINING && !requests.equals(Requests.NONE)) {
            throw new IllegalArgumentException("only an evaluation gives out what layers make");
        }
        requests.layers().forEach(name -> requireGiving(network, name));
        if (requests.projected() != null) {
            requireGiving(network, requests.projected());
            if (placement.devices() != 1) {
                throw new NetworkException(requests.projected() + ": features are projected back on one device, not on two towers");
            }
        }
    }

    /**
     * Makes sure that a network has a layer whose output an evaluation can give out.
     *
     * @param network any
     * @param name    of the layer
     * @throws NetworkException if there is none, with the nearest name, or if it is the one that makes the probabilities
     */
    public static void requireGiving(Network network, String name) {
        Layer layer = network.layer(name);
        if (layer instanceof Layer.SoftmaxCrossEntropy) {
            throw new NetworkException(layer.name() + ": makes the probabilities, which every evaluation gives; name a layer below it");
        }
    }

    private static Plan.Outputs projected(PlanBuilder builder, ParameterTensors parameters, List<Forward.Trace> traces, int index,
            Plan.Inputs inputs, Plan.Outputs outputs) {
        // a layer that does nothing in an evaluation has left no trace: then the one below it counts
        List<Forward.Trace> upTo = traces.stream().filter(trace -> trace.division().index() <= index).toList();
        Tensor image = new Projection(builder, parameters).run(upTo, inputs.features());
        return new Plan.Outputs(outputs.losses(), outputs.ranks(), outputs.probabilities(), outputs.status(), outputs.layers(), image);
    }

    private static List<Plan.Inputs> inputs(PlanBuilder builder, Network network, StoredImages images, Requests requests) {
        Shape input = network.input();
        int batch = builder.batch();
        int channels = input.channels();
        int height = images.height();
        int width = images.width();
        if ((long) height * width > Integer.MAX_VALUE / channels || (long) height * width * channels > Integer.MAX_VALUE / batch) {
            throw new NetworkException("input: " + batch + " stored images of " + channels + "x" + height + "x" + width + " are more than "
                    + Integer.MAX_VALUE + " bytes; use a smaller batch");
        }
        return builder.each(device -> {
            Tensor mean = builder.tensor("input.mean", device, Format.ACTIVATION, Role.CONSTANT, 1, channels, height, width);
            Tensor stored = builder.tensor("input.images", device, Format.IMAGES, Role.INPUT, batch, channels, height, width);
            Tensor crops = builder.tensor("input.crops", device, Format.INTEGERS, Role.INPUT, batch, 3, 1, 1);
            Tensor labels = builder.tensor("input.labels", device, Format.INTEGERS, Role.INPUT, batch, 1, 1, 1);
            Tensor colours = !images.colourNoise() ? null
                    : builder.tensor("input.colours", device, Format.ACTIVATION, Role.INPUT, batch, channels, 1, 1);
            Shape features = requests.projected() == null ? null : network.shape(requests.projected());
            return new Plan.Inputs(stored, crops, mean, colours, labels, features == null ? null : builder.tensor("input.features", device,
                    Format.ACTIVATION, Role.INPUT, batch, features.channels(), features.height(), features.width()));
        });
    }

    /** Every device prepares the whole image; that is cheaper than sending it. */
    private static Value prepared(PlanBuilder builder, Network network, List<Plan.Inputs> inputs, double divisor) {
        Value image = builder.value("input.output", network.input(), false);
        for (int device = 0; device < builder.devices(); device++) {
            Plan.Inputs input = inputs.get(device);
            builder.launch(device, new Operation.PrepareInput("input", input.images(), input.crops(), input.mean(), input.colourShift(),
                    image.on(device), (float) (network.inputScale() / divisor)));
        }
        return image;
    }

    /** Every device computes the whole loss from the same scores. Probabilities are for evaluation only. */
    private static List<Plan.Outputs> loss(
            PlanBuilder builder, String layer, Value scores, List<Plan.Inputs> inputs, Value gradient, Forward forward) {
        int batch = builder.batch();
        List<Plan.Outputs> outputs = new ArrayList<>();
        for (int device = 0; device < builder.devices(); device++) {
            Tensor logits = scores.on(device);
            boolean training = gradient != null;
            Tensor losses = builder.tensor(layer + ".losses", device, Format.ACTIVATION, Role.OUTPUT, batch, 1, 1, 1);
            Tensor ranks = builder.tensor(layer + ".ranks", device, Format.INTEGERS, Role.OUTPUT, batch, 1, 1, 1);
            Tensor probabilities = training ? null
                    : builder.tensor(layer + ".probabilities", device, Format.ACTIVATION, Role.OUTPUT, batch, logits.channels(), 1, 1);
            builder.launch(device, new Operation.SoftmaxCrossEntropy(layer, logits, inputs.get(device).labels(), losses, ranks,
                    probabilities, training ? gradient.on(device) : null));
            outputs.add(new Plan.Outputs(losses, ranks, probabilities, training ? forward.status().get(device) : null,
                    forward.givenOut().on(device), null));
        }
        return outputs;
    }
}
