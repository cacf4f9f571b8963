package duet.plan;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.plan.PlanSteps.Exchange;
import duet.plan.PlanSteps.Parcel;

/**
 * Brings values from one distribution to another: together with {@link Returns}, which brings gradients back, the one place that knows
 * which slices are cut, copied, joined and added up.
 */
final class Moves {
    private final PlanBuilder builder;

    Moves(PlanBuilder builder) {
        this.builder = builder;
    }

    /** A run of what a lane has, along the axis of a move. */
    private record Piece(int lane, int first, int count) {}

    /**
     * The same value in another distribution.
     *
     * @param layer that wants it
     * @param name  of the result, such as {@code .input}
     */
    Value move(String layer, String name, Value value, Distribution to) {
        return begin(layer, name, value, to).get();
    }

    /** As {@link #move}, but copies start at once, and what has arrived is awaited and joined when the result is asked for. */
    Supplier<Value> begin(String layer, String name, Value value, Distribution to) {
        Distribution from = value.distribution();
        if (from.equals(to)) {
            return () -> value;
        }
        if (!from.whole() && !to.whole() && from.axis() != to.axis()) {
            Supplier<Value> whole = begin(layer, ".whole", value, Distribution.WHOLE);
            return () -> move(layer, name, whole.get(), to);
        }
        Move move = new Move(layer, value, to);
        return () -> move.finish(layer + name);
    }

    /** One move: pieces are cut, sent and joined. */
    private final class Move {
        private final String layer;
        private final Value value;
        private final Distribution to;
        private final Axis axis;
        private final Map<Piece, Tensor> cut = new HashMap<>();
        private final Map<List<Object>, Parcel> parcels = new LinkedHashMap<>();
        private final Map<Integer, List<Piece>> wanted = new LinkedHashMap<>();
        /** Null if nothing is sent. */
        private final Exchange exchange;

        /** Cuts and sends. */
        Move(String layer, Value value, Distribution to) {
            this.layer = layer;
            this.value = value;
            this.to = to;
            axis = to.whole() ? value.distribution().axis() : to.axis();
            builder.holders(to).forEach(lane -> wanted.put(lane, pieces(lane)));
            wanted.forEach((lane, pieces) -> pieces.stream().filter(piece -> builder.device(piece.lane()) != builder.device(lane))
                    .forEach(piece -> parcels.computeIfAbsent(List.of(piece, builder.device(lane)),
                            _ -> new Parcel(cut(piece, ".sent"), layer + ".received", builder.device(lane)))));
            exchange = parcels.isEmpty() ? null : builder.steps().exchange(layer, List.copyOf(parcels.values()));
        }

        Value finish(String name) {
            Map<List<Object>, Tensor> arrived = arrived();
            Map<Integer, Tensor> made = new HashMap<>();
            wanted.forEach((lane, pieces) -> made.put(lane, joined(name, lane, pieces, arrived)));
            return new Value(builder.each(to, made::get), value.images(), value.shape(), to);
        }

        private Map<List<Object>, Tensor> arrived() {
            Map<List<Object>, Tensor> arrived = new HashMap<>();
            if (exchange != null) {
                builder.steps().await(exchange);
                List<List<Object>> keys = List.copyOf(parcels.keySet());
                IntStream.range(0, keys.size()).forEach(i -> arrived.put(keys.get(i), exchange.arrived().get(i)));
            }
            return arrived;
        }

        private Tensor joined(String name, int lane, List<Piece> pieces, Map<List<Object>, Tensor> arrived) {
            int device = builder.device(lane);
            if (pieces.size() == 1 && builder.device(pieces.getFirst().lane()) == device) {
                Piece piece = pieces.getFirst();
                return entire(piece) ? value.on(piece.lane()) : slice(piece, activation(name, lane));
            }
            List<Tensor> parts = pieces.stream()
                    .map(piece -> builder.device(piece.lane()) == device ? cut(piece, ".own") : arrived.get(List.of(piece, device)))
                    .toList();
            if (parts.size() == 1) {
                return parts.getFirst();
            }
            Tensor whole = activation(name, lane);
            builder.launch(lane, new Operation.Gather(layer, axis, parts, whole));
            return whole;
        }

        private Tensor activation(String name, int lane) {
            return builder.activation(name, lane, value.images(), value.shape(), to);
        }

        private int length() {
            return Distribution.length(axis, value.images().count(), value.shape());
        }

        /** What a lane wants, piece by piece in the order in which it wants it. */
        private List<Piece> pieces(int lane) {
            List<Piece> pieces = new ArrayList<>();
            for (Range range : to.ranges(axis, lane, length())) {
                pieces.addAll(cover(value.distribution(), axis, range, lane));
            }
            return pieces;
        }

        private boolean entire(Piece piece) {
            return piece.first() == 0 && piece.count() == value.distribution().count(axis, piece.lane(), length());
        }

        private Tensor cut(Piece piece, String name) {
            return entire(piece) ? value.on(piece.lane())
                    : cut.computeIfAbsent(piece, _ -> slice(piece, part(layer + name, value, axis, piece.lane(), piece.count())));
        }

        private Tensor slice(Piece piece, Tensor part) {
            builder.launch(piece.lane(), new Operation.Slice(layer, axis, value.on(piece.lane()), piece.first(), part));
            return part;
        }
    }

    /** A tensor like a lane's part of a value, but of another length along an axis. */
    Tensor part(String name, Value value, Axis axis, int lane, int count) {
        Tensor whole = value.on(lane);
        return builder.tensor(name, whole.device(), whole.format(), Tensor.Role.TRANSIENT, axis == Axis.BATCH ? count : whole.batch(),
                axis == Axis.CHANNELS ? count : whole.channels(), axis == Axis.ROWS ? count : whole.height(), whole.width());
    }

    /** Where a range of a value lies; where each lane has the whole, the lane takes its own. */
    private List<Piece> cover(Distribution from, Axis axis, Range range, int lane) {
        if (from.whole()) {
            return List.of(new Piece(lane, range.first(), range.count()));
        }
        Map<Integer, Piece> pieces = new HashMap<>();
        for (int other = 0; other < builder.lanes(); other++) {
            int offset = 0;
            for (Range own : from.ranges(axis, other, 0)) {
                Range both = own.meet(range);
                if (both.count() > 0) {
                    pieces.put(both.first(), new Piece(other, offset + both.first() - own.first(), both.count()));
                }
                offset += own.count();
            }
        }
        if (pieces.values().stream().mapToInt(Piece::count).sum() != range.count()) {
            throw new IllegalStateException("nobody has all of " + range + " of " + from);
        }
        return pieces.entrySet().stream().sorted(Map.Entry.comparingByKey(Comparator.naturalOrder())).map(Map.Entry::getValue).toList();
    }
}
