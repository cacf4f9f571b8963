package duet.plan;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.NetworkException;
import duet.net.Shape;

/** Collects the tensors and steps of a plan. What is added to a stream runs after what was added to it before. */
final class PlanBuilder {
    private final Placement placement;
    private final int batch;
    private final List<Map<Kind, List<Step>>> streams = new ArrayList<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private int events;

    PlanBuilder(Placement placement, int batch) {
        this.placement = placement;
        this.batch = batch;
        for (int device = 0; device < placement.devices(); device++) {
            Map<Kind, List<Step>> kinds = new EnumMap<>(Kind.class);
            for (Kind kind : Kind.values()) {
                kinds.put(kind, new ArrayList<>());
            }
            streams.add(kinds);
        }
    }

    int devices() {
        return placement.devices();
    }

    int lanes() {
        return placement.lanes();
    }

    /** Of a lane. */
    int device(int lane) {
        return lane / (lanes() / devices());
    }

    /** How the image lies. */
    Distribution image() {
        return placement.image(batch);
    }

    /** The first lane of a device. */
    int lane(int device) {
        return device * (lanes() / devices());
    }

    /** The lanes of a device. */
    List<Integer> lanesOf(int device) {
        return IntStream.range(lane(device), lane(device + 1)).boxed().toList();
    }

    /** The lanes that hold tensors of their own: all, or the first of each device where each has the whole. */
    List<Integer> holders(Distribution distribution) {
        return IntStream.range(0, lanes()).filter(lane -> !distribution.whole() || lane(device(lane)) == lane).boxed().toList();
    }

    int batch() {
        return batch;
    }

    /** All images. */
    Range all() {
        return new Range(0, batch);
    }

    /** In how many rounds some layers are computed. */
    int rounds() {
        return placement.rounds();
    }

    /** The images of a round. */
    Range round(int round) {
        int count = batch / rounds();
        return new Range(round * count, count);
    }

    /** The round of a value's images; 0 for all. */
    int round(Range images) {
        return images.first() / images.count();
    }

    /** All tensors so far, in the order of their ids. */
    List<Tensor> tensors() {
        return List.copyOf(tensors);
    }

    /** Every stream that has something to do: by device, compute before copy. */
    List<StreamSteps> streams() {
        List<StreamSteps> result = new ArrayList<>();
        for (int device = 0; device < devices(); device++) {
            for (Kind kind : Kind.values()) {
                List<Step> steps = streams.get(device).get(kind);
                if (!steps.isEmpty()) {
                    result.add(new StreamSteps(device, kind, steps));
                }
            }
        }
        return result;
    }

    Tensor tensor(String name, int device, Format format, Role role, int batch, int channels, int height, int width, int groups) {
        Tensor tensor = new Tensor(tensors.size(), name, device, format, role, batch, channels, height, width, groups);
        tensors.add(tensor);
        return tensor;
    }

    Tensor tensor(String name, int device, Format format, Role role, int batch, int channels, int height, int width) {
        return tensor(name, device, format, role, batch, channels, height, width, 1);
    }

    /** Activations that live within the run: what a lane has of a value of some images. */
    Tensor activation(String name, int lane, Range images, Shape whole, Distribution distribution) {
        Shape shape = distribution.shape(lane, whole);
        int count = distribution.count(Axis.BATCH, lane, images.count());
        if (count * shape.elements() > Integer.MAX_VALUE) {
            throw new NetworkException(name + ": " + count + " images of " + shape + " are more than " + Integer.MAX_VALUE
                    + " numbers; use a smaller batch");
        }
        return tensor(name, device(lane), Format.ACTIVATION, Role.TRANSIENT, count, shape.channels(), shape.height(), shape.width());
    }

    /** Activations on each lane, or on each device where each has the whole. */
    Value value(String name, Range images, Shape shape, Distribution distribution) {
        return new Value(each(distribution, lane -> activation(name, lane, images, shape, distribution)), images, shape, distribution);
    }

    /** Activations on each lane of its own, also where each has the whole: sums that are not added up yet. */
    Value partial(String name, Range images, Shape shape, Distribution distribution) {
        return new Value(each(lane -> activation(name, lane, images, shape, distribution)), images, shape, distribution);
    }

    /** Something for each lane; where each has the whole, one for each device, shared by its lanes. */
    <T> List<T> each(Distribution distribution, IntFunction<T> make) {
        List<T> result = new ArrayList<>();
        for (int lane = 0; lane < lanes(); lane++) {
            result.add(distribution.whole() && lane(device(lane)) != lane ? result.getLast() : make.apply(lane));
        }
        return result;
    }

    /** Something for each lane. */
    <T> List<T> each(IntFunction<T> make) {
        return IntStream.range(0, lanes()).mapToObj(make).toList();
    }

    /** On the lane's device. */
    void launch(int lane, Operation operation) {
        add(device(lane), Kind.COMPUTE, new Step.Launch(operation, null));
    }

    private void add(int device, Kind kind, Step step) {
        streams.get(device).get(kind).add(step);
    }

    /**
     * A tensor that another device wants.
     *
     * @param name of what arrives
     * @param to   device that receives it
     */
    record Parcel(Tensor from, String name, int to) {}

    /**
     * An exchange under way.
     *
     * @param arrived for each parcel what it is on the device that received it
     * @param events  recorded when all copies to a device are done, and the devices that have a part in them
     */
    record Exchange(List<Tensor> arrived, Map<Integer, Set<Integer>> events) {}

    /**
     * Starts to copy tensors from device to device. The copies to a device begin when it and the senders have come to this point: the
     * senders must have made the data, and the receiver must be through with what lay before in the memory that receives them. They run
     * on the receiver's copy stream, beside whatever the devices compute next.
     */
    Exchange exchange(String layer, List<Parcel> parcels) {
        Map<Integer, Integer> ready = new TreeMap<>();
        parcels.forEach(parcel -> List.of(parcel.from().device(), parcel.to()).forEach(device -> ready.put(device, 0)));
        ready.replaceAll((device, _) -> {
            add(device, Kind.COMPUTE, new Step.Record(events));
            return events++;
        });
        Tensor[] arrived = new Tensor[parcels.size()];
        Map<Integer, Set<Integer>> done = new LinkedHashMap<>();
        for (int device : ready.keySet()) {
            Set<Integer> partners = new TreeSet<>();
            parcels.stream().filter(parcel -> parcel.to() == device)
                    .forEach(parcel -> partners.addAll(List.of(parcel.from().device(), device)));
            partners.forEach(partner -> add(device, Kind.COPY, new Step.Wait(ready.get(partner))));
            for (int i = 0; i < arrived.length; i++) {
                if (parcels.get(i).to() == device) {
                    Tensor from = parcels.get(i).from();
                    arrived[i] = tensor(parcels.get(i).name(), device, from.format(),
                            from.role() == Role.SHARE ? Role.SHARE : Role.TRANSIENT, from.batch(), from.channels(), from.height(),
                            from.width(), from.groups());
                    add(device, Kind.COPY, new Step.Copy(layer, from, arrived[i]));
                }
            }
            if (!partners.isEmpty()) {
                add(device, Kind.COPY, new Step.Record(events));
                done.put(events++, partners);
            }
        }
        return new Exchange(List.of(arrived), done);
    }

    /**
     * Waits on each device that has a part in it until all copies are done: its own have arrived, and what it sent has left, so that its
     * memory can be used again.
     */
    void await(Exchange exchange) {
        for (int device = 0; device < devices(); device++) {
            for (Map.Entry<Integer, Set<Integer>> event : exchange.events().entrySet()) {
                if (event.getValue().contains(device)) {
                    add(device, Kind.COMPUTE, new Step.Wait(event.getKey()));
                }
            }
        }
    }

    /**
     * Adds up what the lanes of each device have.
     *
     * @param lanes a tensor for each lane; they are overwritten
     * @return a tensor for each device
     */
    List<Tensor> sums(String layer, List<Tensor> lanes) {
        return IntStream.range(0, devices())
                .mapToObj(device -> sum(layer, lane(device), lanesOf(device).stream().map(lanes::get).toList(), null)).toList();
    }

    /** Adds up tensors of one device in the order of {@link Sums}; the result is {@code own} where that is one of the terms. */
    Tensor sum(String layer, int lane, List<Tensor> terms, Tensor own) {
        return Sums.of(terms, (left, right) -> {
            Tensor sum = right.equals(own) ? right : left;
            launch(lane, new Operation.Add(layer, left, right, sum));
            return sum;
        });
    }
}
