package duet.plan;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

import duet.device.Axis;
import duet.device.Operation;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;
import duet.net.NetworkException;
import duet.net.Shape;

/**
 * Makes the part of a plan in which one group of devices computes one run of the batch: all devices and all images, unless the placement
 * is one of {@link Replicas}. Lanes count from 0 in each group; devices have the numbers that they have in the plan.
 */
final class PlanBuilder {
    private final PlanSteps steps;
    private final Placement group;
    private final int number;
    private final Range images;
    private final int batch;

    /**
     * @param group  where
     * @param number of the group
     * @param images that it computes here
     * @param batch  images of a run of the plan
     */
    PlanBuilder(PlanSteps steps, Placement group, int number, Range images, int batch) {
        this.steps = steps;
        this.group = group;
        this.number = number;
        this.images = images;
        this.batch = batch;
    }

    /** For each equal run of the batch. */
    static List<PlanBuilder> of(Placement placement, int batch, PlanSteps steps) {
        int parts = placement.replicas();
        int each = parts / (placement.devices() / placement.group().devices());
        return IntStream.range(0, parts).mapToObj(part -> new PlanBuilder(steps, placement.group(), part / each,
                new Range(part * (batch / parts), batch / parts), batch)).toList();
    }

    /** The first of each group. */
    static List<PlanBuilder> firstOfGroups(List<PlanBuilder> all) {
        Map<Integer, PlanBuilder> first = new LinkedHashMap<>();
        all.forEach(builder -> first.putIfAbsent(builder.number, builder));
        return List.copyOf(first.values());
    }

    /** Where the tensors and steps go. */
    PlanSteps steps() {
        return steps;
    }

    /** Of the group. */
    int groupNumber() {
        return number;
    }

    /** Of the group. */
    List<Integer> devices() {
        return IntStream.range(number * group.devices(), (number + 1) * group.devices()).boxed().toList();
    }

    /** Of the group. */
    int lanes() {
        return group.lanes();
    }

    private int lanesOfDevice() {
        return group.lanes() / group.devices();
    }

    /** Of a lane. */
    int device(int lane) {
        return number * group.devices() + lane / lanesOfDevice();
    }

    /** How the image lies. */
    Distribution image() {
        return group.image(images.count());
    }

    /** The first lane of a device. */
    int lane(int device) {
        return (device - number * group.devices()) * lanesOfDevice();
    }

    /** The lanes of a device. */
    List<Integer> lanesOf(int device) {
        return IntStream.range(lane(device), lane(device + 1)).boxed().toList();
    }

    /** The lanes that hold tensors of their own: all, or the first of each device where each has the whole. */
    List<Integer> holders(Distribution distribution) {
        return IntStream.range(0, lanes()).filter(lane -> !distribution.whole() || lane(device(lane)) == lane).boxed().toList();
    }

    /** Of the whole plan. */
    int batch() {
        return batch;
    }

    /** All images that are computed here. */
    Range all() {
        return images;
    }

    /** In how many rounds some layers are computed. */
    int rounds() {
        return group.rounds();
    }

    /** The images of a round. */
    Range round(int round) {
        int count = images.count() / rounds();
        return new Range(images.first() + round * count, count);
    }

    /** The round of a value's images; 0 for all. */
    int round(Range value) {
        return (value.first() - images.first()) / value.count();
    }

    Tensor tensor(String name, int device, Format format, Role role, int size, int channels, int height, int width) {
        return steps.tensor(name, device, format, role, size, channels, height, width, 1);
    }

    /** Activations that live within the run: what a lane has of a value of some images. */
    Tensor activation(String name, int lane, Range value, Shape whole, Distribution distribution) {
        Shape shape = distribution.shape(lane, whole);
        int count = distribution.count(Axis.BATCH, lane, value.count());
        if (count * shape.elements() > Integer.MAX_VALUE) {
            throw new NetworkException(name + ": " + count + " images of " + shape + " are more than " + Integer.MAX_VALUE
                    + " numbers; use a smaller batch");
        }
        return tensor(name, device(lane), Format.ACTIVATION, Role.TRANSIENT, count, shape.channels(), shape.height(), shape.width());
    }

    /** Activations on each lane, or on each device where each has the whole. */
    Value value(String name, Range value, Shape shape, Distribution distribution) {
        return new Value(each(distribution, lane -> activation(name, lane, value, shape, distribution)), value, shape, distribution);
    }

    /** Activations on each lane of its own, also where each has the whole: sums that are not added up yet. */
    Value partial(String name, Range value, Shape shape, Distribution distribution) {
        return new Value(each(lane -> activation(name, lane, value, shape, distribution)), value, shape, distribution);
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
        steps.launch(device(lane), operation);
    }

    /** The tensors of each device, from one for each lane. */
    List<List<Tensor>> byDevice(List<Tensor> lanes) {
        return devices().stream().map(device -> lanesOf(device).stream().map(lanes::get).toList()).toList();
    }
}
