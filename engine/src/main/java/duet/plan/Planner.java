package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import duet.device.Axis;
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
 * <p>A {@link Placement} decides for each layer which part of it each lane computes ({@link Division}); {@link Forward} and
 * {@link Backward} launch the operations, and {@link Moves} brings what they need from lane to lane.
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
        boolean training = mode == Mode.TRAINING;
        List<Division> divisions = Division.divide(network, placement, batch);
        PlanSteps steps = new PlanSteps(placement.devices());
        List<PlanBuilder> builders = PlanBuilder.of(placement, batch, steps);
        ParameterTensors parameters = new ParameterTensors(PlanBuilder.firstOfGroups(builders), divisions);
        Updates updates = new Updates(steps, parameters);
        List<Plan.Inputs> inputs = new ArrayList<>();
        List<Forward> forward = new ArrayList<>();
        List<Backward> backward = new ArrayList<>();
        List<Losses> losses = new ArrayList<>();
        Map<Integer, Tensor> means = new HashMap<>();
        for (PlanBuilder builder : builders) {
            List<Plan.Inputs> own = inputs(builder, network, images, requests, divisions.getLast().seen(), means);
            inputs.addAll(own);
            losses.add(new Losses(builder, own, training));
            forward.add(new Forward(builder, parameters.of(builder), divisions, losses.getLast(), training, dropout, requests));
            if (training) {
                backward.add(new Backward(builder, parameters.of(builder), divisions, forward.getLast(), losses.getLast(), updates));
            }
            forward.getLast().run(prepared(builder, network, own, images.divisor()));
        }
        if (placement.rounds() > 1) {
            rounds(placement.rounds(), forward, backward);
        }
        List<Plan.Outputs> outputs = new ArrayList<>();
        for (int i = 0; i < builders.size(); i++) {
            outputs.addAll(losses.get(i).outputs(divisions.getLast(), forward.get(i).status(), forward.get(i).givenOut()));
        }
        if (requests.projected() != null) {
            int index = network.layers().indexOf(network.layer(requests.projected()));
            Tensor image = new Projection(builders.getFirst(), parameters.of(builders.getFirst()), divisions, forward.getFirst())
                    .run(index, inputs.getFirst().features());
            outputs = List.of(outputs.getFirst().with(image));
        }
        if (training) {
            Backward.run(backward);
            updates.finish();
        }
        MemoryPlanner.Result memory = MemoryPlanner.plan(steps.tensors(), steps.streams(), placement.devices(), layout);
        return new Plan(network, placement, mode, batch, parameters.parameters(), inputs, outputs, memory.streams(), memory.regions(),
                memory.persistentBytes(), memory.transientBytes(), memory.preparedBytes(), forward.getFirst().checkedLayers());
    }

    /**
     * The copies to a round are issued before the round before it computes, so that they run meanwhile.
     *
     * @param forward  one for each run of the batch
     * @param backward likewise; empty in evaluation
     */
    private static void rounds(int rounds, List<Forward> forward, List<Backward> backward) {
        forward.forEach(run -> run.send(0));
        for (int round = 0; round < rounds; round++) {
            int next = round + 1;
            if (next < rounds) {
                forward.forEach(run -> run.send(next));
            }
            forward.forEach(Forward::round);
            if (!backward.isEmpty()) {
                Backward.round(backward);
            }
        }
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

    /**
     * Makes sure that a placement can cut a batch.
     *
     * @param placement any
     * @param batch     images
     * @throws NetworkException if it cannot
     */
    public static void checkBatch(Placement placement, int batch) {
        placement.image(Replicas.imagesOfRun(placement, batch));
    }

    private static void check(Network network, Placement placement, Mode mode, Requests requests) {
        if (mode == Mode.TRAINING && !requests.equals(Requests.NONE)) {
            throw new IllegalArgumentException("only an evaluation gives out what layers make");
        }
        requests.layers().forEach(name -> requireGiving(network, name));
        if (requests.projected() != null) {
            requireGiving(network, requests.projected());
            if (placement.devices() != 1) {
                throw new NetworkException(
                        requests.projected() + ": features are projected back on one device, not on " + placement.devices());
            }
            if (placement.replicas() != 1) {
                throw new NetworkException(requests.projected() + ": features are projected back in one part, not in "
                        + placement.replicas());
            }
            if (placement.rounds() != 1) {
                throw new NetworkException(
                        requests.projected() + ": features are projected back in one round, not in " + placement.rounds());
            }
        }
    }

    /**
     * Makes sure that a network has a layer whose output an evaluation can give out.
     *
     * @param network any
     * @param name    of the layer
     * @throws NetworkException if there is none, with the nearest name, if it is the one that makes the probabilities, or an auxiliary
     *                          classifier's
     */
    public static void requireGiving(Network network, String name) {
        Layer layer = network.layer(name);
        if (!network.main().get(network.layers().indexOf(layer))) {
            throw new NetworkException(name + ": belongs to an auxiliary classifier, which is there in training only; name another layer");
        }
        if (layer instanceof Layer.SoftmaxCrossEntropy) {
            throw new NetworkException(layer.name() + ": makes the probabilities, which every evaluation gives; name a layer below it");
        }
    }

    /**
     * @param labels how the losses see the scores, of a round
     * @param means  of each device; those that are not there are made
     */
    private static List<Plan.Inputs> inputs(PlanBuilder builder, Network network, StoredImages images, Requests requests,
            Distribution labels, Map<Integer, Tensor> means) {
        Shape input = network.input();
        int channels = input.channels();
        int height = images.height();
        int width = images.width();
        Distribution image = builder.image();
        int most = IntStream.range(0, builder.lanes()).map(lane -> images(builder, image, lane)).max().orElseThrow();
        if ((long) height * width > Integer.MAX_VALUE / channels || (long) height * width * channels > Integer.MAX_VALUE / most) {
            throw new NetworkException("input: " + most + " stored images of " + channels + "x" + height + "x" + width
                    + (most == builder.batch() ? "" : " in a part of the batch") + " are more than " + Integer.MAX_VALUE
                    + " bytes; use a smaller batch");
        }
        int rounds = builder.rounds();
        builder.devices().forEach(device -> means.computeIfAbsent(device,
                _ -> builder.tensor("input.mean", device, Format.ACTIVATION, Role.CONSTANT, 1, channels, height, width)));
        List<Tensor> stored = builder.each(image, lane -> builder.tensor("input.images", builder.device(lane), Format.IMAGES, Role.INPUT,
                images(builder, image, lane), channels, height, width));
        List<Tensor> crops = builder.each(image, lane -> builder.tensor("input.crops", builder.device(lane), Format.INTEGERS, Role.INPUT,
                images(builder, image, lane), 3, 1, 1));
        List<List<Tensor>> classes = IntStream.range(0, rounds)
                .mapToObj(_ -> builder.each(labels,
                        lane -> builder.tensor("input.labels", builder.device(lane), Format.INTEGERS, Role.INPUT,
                                labels.count(Axis.BATCH, lane, builder.round(0).count()), 1, 1, 1)))
                .toList();
        List<Tensor> colours = !images.colourNoise() ? null
                : builder.each(image, lane -> builder.tensor("input.colours", builder.device(lane), Format.ACTIVATION, Role.INPUT,
                        images(builder, image, lane), channels, 1, 1));
        Shape features = requests.projected() == null ? null : network.shape(requests.projected());
        List<Tensor> given = features == null ? null : builder.each(lane -> builder.tensor("input.features", builder.device(lane),
                Format.ACTIVATION, Role.INPUT, builder.all().count(), features.channels(), features.height(), features.width()));
        return IntStream.range(0, rounds).boxed().flatMap(round -> builder.each(lane -> new Plan.Inputs(
                runs(builder, image, lane), builder.round(round).first() + labels.first(Axis.BATCH, lane),
                stored.get(lane), crops.get(lane), means.get(builder.device(lane)), colours == null ? null : colours.get(lane),
                classes.get(round).get(lane), given == null ? null : given.get(lane))).stream()).toList();
    }

    private static int images(PlanBuilder builder, Distribution distribution, int lane) {
        return distribution.count(Axis.BATCH, lane, builder.all().count());
    }

    private static List<Range> runs(PlanBuilder builder, Distribution image, int lane) {
        Range all = builder.all();
        return image.ranges(Axis.BATCH, lane, all.count()).stream().map(run -> new Range(all.first() + run.first(), run.count())).toList();
    }

    /** Where the image is not cut every device prepares the whole; that is cheaper than sending it. */
    private static Value prepared(PlanBuilder builder, Network network, List<Plan.Inputs> inputs, double divisor) {
        Value image = builder.value("input.output", builder.all(), network.input(), builder.image());
        for (int lane : builder.holders(image.distribution())) {
            Plan.Inputs input = inputs.get(lane);
            builder.launch(lane, new Operation.PrepareInput("input", input.images(), input.crops(), input.mean(), input.colourShift(),
                    image.on(lane), (float) (network.inputScale() / divisor)));
        }
        return image;
    }
}
