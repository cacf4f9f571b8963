package duet.plan;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.Layer;

/**
 * The way from the image to the losses: for each layer its launches on each lane, and the exchanges before or after them. Layers in rounds
 * come behind all others, a round at a time.
 */
final class Forward {
    /**
     * What the backward pass needs of a layer.
     *
     * @param inputs  what the layer's own work saw: as its cut wants to see it
     * @param output  shared with the layers that work in place on it
     * @param winners of max-pooling, else null
     */
    record Trace(Division division, List<Value> inputs, Value output, List<Tensor> winners) {
        /** Of a layer with one. */
        Value input() {
            return inputs.getFirst();
        }
    }

    private final PlanBuilder builder;
    private final Moves moves;
    private final List<Division> divisions;
    private final ForwardLayers layers;
    private final boolean training;
    private final GivenOut givenOut;
    private final Rounds rounds;
    /** By layer, of those in rounds what the latest round has made; -1 is the image. */
    private final Map<Integer, Value> values = new HashMap<>();
    private final Trace[] traces;
    /** What several layers take, which none may overwrite. */
    private final Set<Value> shared = Collections.newSetFromMap(new IdentityHashMap<>());
    /** What has been moved, by layer and distribution: branches that want the same share it. */
    private final Map<List<Object>, Value> moved = new HashMap<>();
    /** What is on its way to the rounds to come. */
    private final Queue<Map<List<Object>, Supplier<Value>>> sent = new ArrayDeque<>();
    private final List<String> checkedLayers;
    private final List<Tensor> status;

    Forward(PlanBuilder builder, GroupParameters parameters, List<Division> divisions, Losses losses, boolean training, boolean dropout,
            Requests requests) {
        this.builder = builder;
        this.divisions = divisions;
        this.training = training;
        moves = new Moves(builder);
        rounds = new Rounds(builder, divisions);
        traces = new Trace[divisions.size()];
        layers = new ForwardLayers(builder, parameters, divisions, losses, training, dropout, training || requests.projected() != null,
                shared, traces);
        givenOut = new GivenOut(builder, requests.layers());
        checkedLayers = !training ? List.of() : divisions.stream().filter(Division::weighted)
                .flatMap(division -> Collections.nCopies(division.inRounds() ? builder.rounds() : 1, division.name()).stream()).toList();
        status = training ? builder.each(lane -> builder.tensor("status", builder.device(lane), Format.INTEGERS, Role.OUTPUT, 1,
                checkedLayers.size(), 1, 1)) : List.of();
    }

    /** A layer in rounds has a place for each. */
    List<String> checkedLayers() {
        return checkedLayers;
    }

    /** One for each lane; empty in evaluation. */
    List<Tensor> status() {
        return status;
    }

    GivenOut givenOut() {
        return givenOut;
    }

    /** What a layer has left for the way back, in the latest round; null for one that did nothing. */
    Trace trace(int index) {
        return traces[index];
    }

    /** What is computed at once; in evaluation what the network's own loss depends on. */
    void run(Value image) {
        values.put(-1, image);
        share(image, -1);
        make(false);
    }

    /** Starts to send what a round takes; rounds are sent in their order. */
    void send(int round) {
        sent.add(rounds.send(round, divisions.stream().filter(this::made).toList(), values));
    }

    /** The next round of those sent. */
    void round() {
        moved.clear();
        make(true);
        sent.remove();
    }

    private boolean made(Division division) {
        return training || division.main();
    }

    private void make(boolean inRounds) {
        for (Division division : divisions) {
            if (made(division) && division.inRounds() == inRounds) {
                Value value = layers.make(division, seen(division));
                values.put(division.index(), value);
                share(value, division.index());
                givenOut.made(division, value);
                check(division);
            }
        }
    }

    private void share(Value value, int index) {
        if (users(index).size() > 1) {
            shared.add(value);
        }
    }

    /** Layers that take what a layer makes; one that takes it twice is there twice. */
    private List<Division> users(int index) {
        return divisions.stream().filter(this::made)
                .flatMap(division -> Collections.nCopies(Collections.frequency(division.from(), index), division).stream()).toList();
    }

    private List<Value> seen(Division division) {
        return IntStream.range(0, division.from().size()).mapToObj(i -> {
            int from = division.from().get(i);
            Value value = values.get(from);
            Distribution wanted = division.cut().seen().get(i);
            Value seen = moved.computeIfAbsent(List.of(from, wanted), key -> rounds.begin(division, i)
                    ? sent.element().get(key).get() : moves.move(division.name(), ".input", value, wanted));
            if (shared.contains(value)) {
                shared.add(seen); // it may be the same memory
            }
            return seen;
        }).toList();
    }

    /** Layers with parameters are checked for NaN and infinity, behind the non-linearity that follows if it alone takes the output. */
    private void check(Division division) {
        if (!training) {
            return;
        }
        if (division.weighted() && !followed(division)) {
            check(division.name(), values.get(division.index()));
        }
        Division before = division.index() == 0 ? null : divisions.get(division.index() - 1);
        if (before != null && before.weighted() && followed(before)) {
            check(before.name(), values.get(division.index()));
        }
    }

    private boolean followed(Division division) {
        List<Division> users = users(division.index());
        return users.size() == 1 && users.getFirst().layer() instanceof Layer.Nonlinearity
                && users.getFirst().index() == division.index() + 1;
    }

    private void check(String layer, Value value) {
        int place = checkedLayers.indexOf(layer) + builder.round(value.images());
        for (int lane = 0; lane < builder.lanes(); lane++) {
            builder.launch(lane, new Operation.FiniteCheck(layer, value.on(lane), status.get(lane), place));
        }
    }
}
