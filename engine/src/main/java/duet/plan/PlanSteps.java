package duet.plan;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

import duet.device.Operation;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.StreamSteps.Kind;
import duet.device.Tensor;
import duet.device.Tensor.Format;
import duet.device.Tensor.Role;

/** Collects the tensors and steps of a plan. What is added to a stream runs after what was added to it before. */
final class PlanSteps {
    private final List<Map<Kind, List<Step>>> streams = new ArrayList<>();
    private final List<Tensor> tensors = new ArrayList<>();
    private int events;

    /** @param devices how many there are */
    PlanSteps(int devices) {
        for (int device = 0; device < devices; device++) {
            Map<Kind, List<Step>> kinds = new EnumMap<>(Kind.class);
            for (Kind kind : Kind.values()) {
                kinds.put(kind, new ArrayList<>());
            }
            streams.add(kinds);
        }
    }

    /** All tensors so far, in the order of their ids. */
    List<Tensor> tensors() {
        return List.copyOf(tensors);
    }

    /** Every stream that has something to do: by device, compute before copy. */
    List<StreamSteps> streams() {
        List<StreamSteps> result = new ArrayList<>();
        for (int device = 0; device < streams.size(); device++) {
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

    void launch(int device, Operation operation) {
        add(device, Kind.COMPUTE, new Step.Launch(operation, null));
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
        for (int device = 0; device < streams.size(); device++) {
            for (Map.Entry<Integer, Set<Integer>> event : exchange.events().entrySet()) {
                if (event.getValue().contains(device)) {
                    add(device, Kind.COMPUTE, new Step.Wait(event.getKey()));
                }
            }
        }
    }
}
