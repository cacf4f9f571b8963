package duet.reference;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

import duet.device.Region;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;

/** Refuses programs that break the rules of {@link duet.device.Backend#load}, with an IllegalArgumentException. */
final class ReferenceProgramCheck {
    private final ReferenceBackend backend;
    private final Map<Tensor, Region> regions;
    private final ReferenceStorage persistent;
    private final ReferenceStorage scratch;
    private final Set<Integer> recorded = new HashSet<>();
    private final Set<Integer> awaited = new HashSet<>();

    private ReferenceProgramCheck(
            ReferenceBackend backend, Map<Tensor, Region> regions, ReferenceStorage persistent, ReferenceStorage scratch) {
        this.backend = backend;
        this.regions = regions;
        this.persistent = persistent;
        this.scratch = scratch;
    }

    static void check(ReferenceBackend backend, List<StreamSteps> streams, Map<Tensor, Region> regions, ReferenceStorage persistent,
            ReferenceStorage scratch) {
        ReferenceProgramCheck check = new ReferenceProgramCheck(backend, regions, persistent, scratch);
        regions.forEach(check::region);
        Set<String> labels = new HashSet<>();
        for (StreamSteps stream : streams) {
            require(labels.add(stream.label()), "There are two streams " + stream.label() + ".");
            require(stream.device() >= 0 && stream.device() < backend.devices().size(), "There is no device for " + stream.label() + ".");
            stream.steps().forEach(step -> check.step(stream.device(), step));
        }
        require(check.recorded.containsAll(check.awaited), "Events are awaited that no stream records.");
    }

    private void region(Tensor tensor, Region region) {
        require((region.area() == Region.Area.PERSISTENT) == tensor.role().persistent(),
                tensor + " is " + tensor.role() + " and lies in the " + region.area() + " area.");
        require(region.bytes() >= backend.bytes(tensor),
                tensor + " needs " + backend.bytes(tensor) + " bytes, its region has " + region.bytes() + ".");
        fits(tensor.toString(), tensor.device(), region);
    }

    private void fits(String owner, int device, Region region) {
        long size = (region.area() == Region.Area.PERSISTENT ? persistent : scratch).bytes(device);
        require(region.offset() % Region.ALIGNMENT == 0, "The region of " + owner + " is not aligned to " + Region.ALIGNMENT + ".");
        require(region.offset() >= 0 && region.end() <= size, "The region of " + owner + " does not fit into " + size + " bytes.");
    }

    private void step(int device, Step step) {
        switch (step) {
            case Step.Launch(var operation, Region workspace, _) -> {
                String name = operation.layer() + ": " + operation.kind();
                Stream.concat(operation.reads().stream(), operation.writes().stream()).forEach(tensor -> operand(name, device, tensor));
                long needed = backend.workspaceBytes(operation, device);
                long given = workspace == null ? 0 : workspace.bytes();
                require(given >= needed, name + " needs " + needed + " bytes of workspace and has " + given + ".");
                if (workspace != null) {
                    fits(name + "'s workspace", device, workspace);
                    require(workspace.area() == Region.Area.TRANSIENT, name + "'s workspace is not in the scratch area.");
                }
            }
            case Step.Copy(String layer, Tensor from, Tensor to) -> {
                require(regions.containsKey(from) && regions.containsKey(to), layer + " copies tensors that have no region.");
                require(from.device() == device || to.device() == device, layer + " copies between other devices than its stream's.");
                require(from.format() == to.format() && from.sizes().equals(to.sizes()), layer + " copies " + from + " to " + to + ".");
            }
            case Step.Record(int event) -> require(recorded.add(event), "Event " + event + " is recorded twice.");
            case Step.Wait(int event) -> awaited.add(event);
        }
    }

    private void operand(String operation, int device, Tensor tensor) {
        require(regions.containsKey(tensor), operation + " uses " + tensor + ", which has no region.");
        require(tensor.device() == device, operation + " on device " + device + " uses " + tensor + ".");
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }
}
