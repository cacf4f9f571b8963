package duet.reference;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import duet.device.Backend;
import duet.device.DeviceException;
import duet.device.DeviceInfo;
import duet.device.Operation;
import duet.device.Region;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;

/**
 * Devices in plain Java that compute with {@link Reference}, one step after the other, in an order that a {@link Schedule}
 * chooses among those that streams and events allow.
 *
 * <p>Regions are honoured: an area of a device is one array, so that tensors whose regions overlap destroy each other. An element
 * takes 4 nominal bytes whatever its type: the double at offset / 4. Every run starts with scratch memory full of NaN (but for
 * the tensors of role INPUT), a launch fills its workspace and its results with NaN before it reads its operands, and an integer
 * or byte that is read where nothing was written is a {@link DeviceException}.
 */
public final class ReferenceBackend implements Backend {
    /** Bytes of workspace that the larger operations ask for, so that plans with workspaces are tried. */
    private static final long WORKSPACE = 2 * Region.ALIGNMENT;

    private final int devices;
    private final Schedule schedule;
    private final List<AutoCloseable> open = new ArrayList<>();
    private boolean closed;

    public ReferenceBackend(int devices) {
        this(devices, Schedule.firstStream());
    }

    public ReferenceBackend(int devices, Schedule schedule) {
        this.devices = devices;
        this.schedule = schedule;
    }

    @Override
    public String description() {
        return devices + " reference " + (devices == 1 ? "device" : "devices") + " in plain Java, double precision";
    }

    @Override
    public List<DeviceInfo> devices() {
        checkOpen();
        return IntStream.range(0, devices)
                .mapToObj(i -> new DeviceInfo("reference:" + i, "plain Java, double precision", 0)).toList();
    }

    @Override
    public long bytes(Tensor tensor) {
        return 4 * tensor.elements();
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        return switch (operation) {
            case Operation.ConvolutionForward o -> WORKSPACE;
            case Operation.ConvolutionBackwardData o -> WORKSPACE;
            case Operation.ConvolutionBackwardWeights o -> WORKSPACE;
            case Operation.FullyConnectedForward o -> WORKSPACE;
            case Operation.FullyConnectedBackwardData o -> WORKSPACE;
            case Operation.FullyConnectedBackwardWeights o -> WORKSPACE;
            default -> 0;
        };
    }

    @Override
    public Storage allocate(long[] bytesPerDevice) {
        checkOpen();
        if (bytesPerDevice.length != devices) {
            throw new IllegalArgumentException("Sizes for " + bytesPerDevice.length + " devices, but there are " + devices + ".");
        }
        ReferenceStorage storage = new ReferenceStorage(bytesPerDevice);
        open.add(storage);
        return storage;
    }

    @Override
    public ReferenceProgram load(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch) {
        checkOpen();
        if (!open.contains(persistent) || !open.contains(scratch)) {
            throw new IllegalArgumentException("The storages of a program must be made by its backend.");
        }
        ReferenceProgram program = new ReferenceProgram(
                this, schedule, streams, regions, (ReferenceStorage) persistent, (ReferenceStorage) scratch);
        open.add(program);
        return program;
    }

    @Override
    public void close() {
        closed = true;
        for (AutoCloseable resource : open) {
            switch (resource) {
                case ReferenceProgram program -> program.close();
                case ReferenceStorage storage -> storage.close();
                default -> throw new AssertionError(resource);
            }
        }
        open.clear();
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("The backend is closed.");
        }
    }
}
