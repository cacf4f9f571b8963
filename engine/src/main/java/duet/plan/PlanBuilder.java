package duet.plan;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;

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
    private final int devices;
    private final int batch;
    private final List<Map<Kind, List<Step>>> streams = new ArrayList<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private int events;

    PlanBuilder(int devices, int batch) {
        this.devices = devices;
        this.batch = batch;
        for (int device = 0; device < devices; device++) {
            Map<Kind, List<Step>> kinds = new EnumMap<>(Kind.class);
            for (Kind kind : Kind.values()) {
                kinds.put(kind, new ArrayList<>());
            }
            streams.add(kinds);
        }
    }

    int devices() {
        return devices;
    }

    int batch() {
        return batch;
    }

    /** All tensors so far, in the order of their ids. */
    List<Tensor> tensors() {
        return List.copyOf(tensors);
    }

    /** Every stream that has something to do: by device, compute before copy. */
    List<StreamSteps> streams() {
        List<StreamSteps> result = new ArrayList<>();
        for (int device = 0; device < devices; device++) {
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

    /** Activations of a batch that live within the run. */
    Tensor activation(String name, int device, int channels, int height, int width) {
        if (batch * ((long) channels * height * width) > Integer.MAX_VALUE) {
            throw new NetworkException(name + ": " + batch + " images of " + channels + "x" + height + "x" + width
                    + " are more than " + Integer.MAX_VALUE + " numbers; use a smaller batch");
        }
        return tensor(name, device, Format.ACTIVATION, Role.TRANSIENT, batch, channels, height, width);
    }

    /** Activations on each device, of its share of the channels or of all of them. */
    Value value(String name, Shape shape, boolean split) {
        int channels = split ? shape.channels() / devices : shape.channels();
        return new Value(each(device -> activation(name, device, channels, shape.height(), shape.width())), split);
    }

    <T> List<T> each(IntFunction<T> make) {
        List<T> result = new ArrayList<>();
        for (int device = 0; device < devices; device++) {
            result.add(make.apply(device));
        }
        return result;
    }

    void launch(int device, Operation operation) {
        add(device, Kind.COMPUTE, new Step.Launch(operation, null));
    }

    private void add(int device, Kind kind, Step step) {
        streams.get(device).get(kind).add(step);
    }

    /**
     * An exchange under way.
     *
     * @param arrived for each device what came from its peer, or null
     * @param events  recorded when a copy is done
     */
    record Exchange(List<Tensor> arrived, List<Integer> events) {}

    /**
     * Starts to copy each device's tensor to its peer. A copy begins when both devices have come to this point: the sender must
     * have made the data, and the receiver must be through with what lay before in the memory that receives them. It runs on the
     * receiver's copy stream, beside whatever the devices compute next.
     *
     * @param sent for each device, or null for a device that sends nothing
     */
    Exchange exchange(String layer, String name, List<Tensor> sent) {
        List<Integer> ready = each(_ -> events++);
        for (int device = 0; device < devices; device++) {
            add(device, Kind.COMPUTE, new Step.Record(ready.get(device)));
        }
        List<Tensor> arrived = new ArrayList<>();
        List<Integer> done = new ArrayList<>();
        for (int device = 0; device < devices; device++) {
            Tensor from = sent.get(1 - device);
            if (from == null) {
                arrived.add(null);
                continue;
            }
            Tensor to = tensor(name, device, from.format(), Role.TRANSIENT, from.batch(), from.channels(), from.height(), from.width());
            for (int event : ready) {
                add(device, Kind.COPY, new Step.Wait(event));
            }
            add(device, Kind.COPY, new Step.Copy(layer, from, to));
            add(device, Kind.COPY, new Step.Record(events));
            arrived.add(to);
            done.add(events++);
        }
        return new Exchange(arrived, done);
    }

    /**
     * Waits on each device until all copies are done: its own has arrived, and what it sent has left, so that its memory can be
     * used again.
     */
    void await(Exchange exchange) {
        for (int device = 0; device < devices; device++) {
            for (int event : exchange.events()) {
                add(device, Kind.COMPUTE, new Step.Wait(event));
            }
        }
    }

    /** Adds what has arrived to each device's own, in the order of the devices on both, so that both round alike. */
    void addArrived(String layer, Value own, Exchange exchange) {
        for (int device = 0; device < devices; device++) {
            Tensor sum = own.on(device);
            List<Tensor> terms = inOrder(device, sum, exchange.arrived().get(device));
            launch(device, new Operation.Add(layer, terms.get(0), terms.get(1), sum));
        }
    }

    /** A device's own and its peer's, in the order of the devices. */
    static List<Tensor> inOrder(int device, Tensor own, Tensor arrived) {
        return device == 0 ? List.of(own, arrived) : List.of(arrived, own);
    }
}
