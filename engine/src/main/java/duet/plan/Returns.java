package duet.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.plan.PlanSteps.Exchange;
import duet.plan.PlanSteps.Parcel;

/** The way back of {@link Moves}: brings gradients of what layers saw to how the values lay, and adds up what several lanes have. */
final class Returns {
    private final PlanBuilder builder;
    private final Moves moves;

    Returns(PlanBuilder builder) {
        this.builder = builder;
        moves = new Moves(builder);
    }

    /**
     * The gradient of what a layer saw, brought back to how the value lay: the parts of all lanes that saw an element are added up. Copies
     * start at once; what is given to wait for them is done when the result is asked for.
     *
     * @param gradient in the distribution that the layer saw
     * @param partial  where each lane has the whole: whether each has only its share of a sum; else all have the same
     */
    Supplier<Value> back(String layer, Value gradient, Distribution to, boolean partial) {
        Distribution seen = gradient.distribution();
        if (seen.whole() && partial && builder.lanes() > 1) {
            return sum(layer, gradient, to);
        }
        if (!seen.equals(to) && !seen.whole() && !seen.disjoint()) {
            return overlapping(layer, gradient, to);
        }
        Value moved = moves.move(layer, ".input.gradient", gradient, to);
        return () -> moved;
    }

    /** Each lane has its share of a sum over all: every device adds its lanes' first, then each gets the others' of what it needs. */
    private Supplier<Value> sum(String layer, Value gradient, Distribution to) {
        if (!to.whole()) {
            return shared(layer, value(gradient, team().own(builder.steps(), layer, builder.byDevice(gradient.parts()))), to);
        }
        Supplier<List<Tensor>> added = team().sums(builder.steps(), layer, builder.byDevice(gradient.parts()), ".received.gradient");
        return () -> value(gradient, added.get());
    }

    /** What each device has in whole of what a value is about. */
    private Value value(Value like, List<Tensor> devices) {
        return new Value(builder.each(Distribution.WHOLE, lane -> devices.get(place(builder.device(lane)))), like.images(), like.shape(),
                Distribution.WHOLE);
    }

    private Team team() {
        return Team.of(builder.devices());
    }

    /** Of a device among those of the group. */
    private int place(int device) {
        return builder.devices().indexOf(device);
    }

    /** Each lane gets the sum of its own part. */
    private Supplier<Value> shared(String layer, Value sums, Distribution to) {
        Map<List<Integer>, Tensor> slices = new HashMap<>();
        List<Parcel> parcels = new ArrayList<>();
        List<List<Integer>> keys = new ArrayList<>();
        for (int from : builder.devices()) {
            List<Integer> others = IntStream.range(0, builder.lanes()).filter(lane -> builder.device(lane) != from).boxed().toList();
            builder.lanesOf(from).forEach(lane -> cut(layer, ".input.gradient", sums, from, to, lane, slices));
            others.forEach(lane -> cut(layer, ".sent.gradient", sums, from, to, lane, slices));
        }
        for (int device : builder.devices()) {
            for (int lane : builder.lanesOf(device)) {
                for (int from : builder.devices()) {
                    for (int run = 0; run < to.parts().get(lane).size(); run++) {
                        if (from != device) {
                            keys.add(List.of(from, lane, run));
                            parcels.add(new Parcel(slices.get(keys.getLast()), layer + ".received.gradient", device));
                        }
                    }
                }
            }
        }
        if (parcels.isEmpty()) {
            Value whole = joined(layer, sums, to, slices);
            return () -> whole;
        }
        Exchange exchange = builder.steps().exchange(layer, parcels);
        return () -> {
            builder.steps().await(exchange);
            IntStream.range(0, keys.size()).forEach(i -> slices.put(keys.get(i), exchange.arrived().get(i)));
            return joined(layer, sums, to, slices);
        };
    }

    /** What a lane has in the end, cut out of a device's share of the sum. */
    private void cut(String layer, String name, Value sums, int device, Distribution to, int lane, Map<List<Integer>, Tensor> slices) {
        Tensor whole = sums.on(builder.lane(device));
        for (int run = 0; run < to.parts().get(lane).size(); run++) {
            Range range = to.parts().get(lane).get(run);
            Tensor part = moves.part(layer + name, sums, to.axis(), builder.lane(device), range.count());
            builder.launch(builder.lane(device), new Operation.Slice(layer, to.axis(), whole, range.first(), part));
            slices.put(List.of(device, lane, run), part);
        }
    }

    /** Adds the devices' shares of each run of each lane, and joins the runs. */
    private Value joined(String layer, Value sums, Distribution to, Map<List<Integer>, Tensor> slices) {
        List<Tensor> parts = builder.each(lane -> {
            List<Tensor> runs = new ArrayList<>();
            for (int i = 0; i < to.parts().get(lane).size(); i++) {
                int run = i;
                List<Tensor> terms = builder.devices().stream().map(from -> slices.get(List.of(from, lane, run))).toList();
                runs.add(team().sum(builder.steps(), layer, terms, terms.get(place(builder.device(lane)))));
            }
            if (runs.size() == 1) {
                return runs.getFirst();
            }
            Tensor whole = builder.activation(layer + ".input.gradient", lane, sums.images(), sums.shape(), to);
            builder.launch(lane, new Operation.Gather(layer, to.axis(), runs, whole));
            return whole;
        });
        return new Value(parts, sums.images(), sums.shape(), to);
    }

    /** Rows that two lanes saw: each lane takes its own and adds what the others have of them, in the order of the lanes. */
    private Supplier<Value> overlapping(String layer, Value gradient, Distribution to) {
        Distribution seen = gradient.distribution();
        Axis axis = to.axis();
        List<Parcel> parcels = new ArrayList<>();
        List<int[]> places = new ArrayList<>(); // lane that gets it, first row there
        List<Tensor> near = new ArrayList<>(); // of the same device: null for what is sent
        for (int lane = 0; lane < builder.lanes(); lane++) {
            for (int other = 0; other < builder.lanes(); other++) {
                Range both = seen.range(other).meet(to.range(lane));
                if (other != lane && both.count() > 0) {
                    Tensor part = moves.part(layer + ".sent.gradient", gradient, axis, other, both.count());
                    builder.launch(other, new Operation.Slice(layer, axis, gradient.on(other), both.first() - seen.range(other).first(),
                            part));
                    places.add(new int[] {lane, both.first() - to.range(lane).first()});
                    boolean same = builder.device(lane) == builder.device(other);
                    near.add(same ? part : null);
                    if (!same) {
                        parcels.add(new Parcel(part, layer + ".received.gradient", builder.device(lane)));
                    }
                }
            }
        }
        List<Tensor> own = builder.each(lane -> {
            Range had = seen.range(lane);
            Range kept = to.range(lane);
            if (had.equals(kept)) {
                return gradient.on(lane);
            }
            if (!had.meet(kept).equals(kept)) {
                throw new IllegalStateException(layer + ": lane " + lane + " has seen " + had + ", which is not all of its own " + kept);
            }
            Tensor part = builder.activation(layer + ".input.gradient", lane, gradient.images(), gradient.shape(), to);
            builder.launch(lane, new Operation.Slice(layer, axis, gradient.on(lane), kept.first() - had.first(), part));
            return part;
        });
        Exchange exchange = parcels.isEmpty() ? null : builder.steps().exchange(layer, parcels);
        return () -> {
            if (exchange != null) {
                builder.steps().await(exchange);
            }
            int next = 0;
            for (int i = 0; i < places.size(); i++) {
                int lane = places.get(i)[0];
                Tensor part = near.get(i) != null ? near.get(i) : exchange.arrived().get(next++);
                builder.launch(lane, new Operation.AddToSlice(layer, axis, part, own.get(lane), places.get(i)[1]));
            }
            return new Value(own, gradient.images(), gradient.shape(), to);
        };
    }
}
