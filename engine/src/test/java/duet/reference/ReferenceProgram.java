package duet.reference;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

import duet.device.DeviceException;
import duet.device.Operation;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Step;
import duet.device.StreamSteps;
import duet.device.Tensor;
import duet.device.Tensor.Format;

/** A program of the {@link ReferenceBackend}. Besides floats it can be written and read in full precision. */
public final class ReferenceProgram implements Program {
    private final Schedule schedule;
    private final List<StreamSteps> streams;
    private final Map<Tensor, Region> regions;
    private final ReferenceStorage persistent;
    private final ReferenceStorage scratch;
    private boolean closed;

    ReferenceProgram(ReferenceBackend backend, Schedule schedule, List<StreamSteps> streams, Map<Tensor, Region> regions,
            ReferenceStorage persistent, ReferenceStorage scratch) {
        this.schedule = schedule;
        this.streams = List.copyOf(streams);
        this.regions = Map.copyOf(regions);
        this.persistent = persistent;
        this.scratch = scratch;
        ReferenceProgramCheck.check(backend, this.streams, this.regions, persistent, scratch);
    }

    @Override
    public void run(RunParameters parameters) {
        checkOpen();
        poisonScratch();
        int[] positions = new int[streams.size()];
        Set<Integer> recorded = new HashSet<>();
        while (true) {
            List<Integer> ready = ready(positions, recorded);
            if (ready.isEmpty()) {
                break;
            }
            int stream = schedule.next(streams, positions, ready);
            StreamSteps steps = streams.get(stream);
            switch (steps.steps().get(positions[stream]++)) {
                case Step.Launch launch -> launch(steps.device(), launch, parameters);
                case Step.Copy copy -> store(copy.to(), load(copy.from(), "the copy of " + copy.layer()));
                case Step.Record record -> recorded.add(record.event());
                case Step.Wait wait -> {}
            }
        }
        for (int i = 0; i < positions.length; i++) {
            if (positions[i] < streams.get(i).steps().size()) {
                throw new DeviceException(streams.get(i).label() + " waits forever at its step " + positions[i] + ", "
                        + streams.get(i).steps().get(positions[i]) + ".");
            }
        }
    }

    private List<Integer> ready(int[] positions, Set<Integer> recorded) {
        List<Integer> ready = new ArrayList<>();
        for (int i = 0; i < positions.length; i++) {
            List<Step> steps = streams.get(i).steps();
            if (positions[i] < steps.size() && !(steps.get(positions[i]) instanceof Step.Wait(int event) && !recorded.contains(event))) {
                ready.add(i);
            }
        }
        return ready;
    }

    private void launch(int device, Step.Launch launch, RunParameters parameters) {
        Operation operation = launch.operation();
        for (Tensor tensor : operation.writes()) {
            boolean whole = !(operation instanceof Operation.FiniteCheck);
            if (whole && !operation.reads().contains(tensor)) {
                poison(device, regions.get(tensor));
            }
        }
        poison(device, launch.workspace());
        Map<Tensor, double[]> values = new HashMap<>();
        for (Tensor tensor : operation.reads()) {
            values.put(tensor, load(tensor, operation.layer() + ": " + operation.kind()));
        }
        for (Tensor tensor : operation.writes()) {
            values.computeIfAbsent(tensor, this::load);
        }
        Reference.compute(operation, values, parameters);
        operation.writes().forEach(tensor -> store(tensor, values.get(tensor)));
        poison(device, launch.workspace());
    }

    private void poisonScratch() {
        Map<Tensor, double[]> inputs = new HashMap<>();
        for (Tensor tensor : regions.keySet()) {
            if (tensor.role() == Tensor.Role.INPUT) {
                inputs.put(tensor, load(tensor));
            }
        }
        streams.stream().mapToInt(StreamSteps::device).distinct().forEach(device -> Arrays.fill(scratch.memory(device), Double.NaN));
        inputs.forEach(this::store);
    }

    private void poison(int device, Region region) {
        if (region != null) {
            int first = (int) (region.offset() / 4);
            Arrays.fill(memory(device, region), first, (int) (first + region.bytes() / 4), Double.NaN);
        }
    }

    private double[] memory(int device, Region region) {
        return (region.area() == Region.Area.PERSISTENT ? persistent : scratch).memory(device);
    }

    private double[] load(Tensor tensor) {
        Region region = regions.get(tensor);
        int first = (int) (region.offset() / 4);
        return Arrays.copyOfRange(memory(tensor.device(), region), first, first + (int) tensor.elements());
    }

    private double[] load(Tensor tensor, String reader) {
        double[] values = load(tensor);
        boolean floats = tensor.format() == Format.ACTIVATION || tensor.format() == Format.FILTER || tensor.format() == Format.VECTOR;
        if (!floats && Arrays.stream(values).anyMatch(Double::isNaN)) {
            throw new DeviceException(reader + " reads " + tensor + ", parts of which nothing has written.");
        }
        return values;
    }

    private void store(Tensor tensor, double[] values) {
        Region region = regions.get(tensor);
        System.arraycopy(values, 0, memory(tensor.device(), region), (int) (region.offset() / 4), values.length);
    }

    /** Fills a float tensor in full precision. */
    public void write(Tensor tensor, double[] values) {
        check(tensor, values.length, Format.ACTIVATION, Format.FILTER, Format.VECTOR);
        store(tensor, values);
    }

    /** Reads a float tensor in full precision. */
    public void read(Tensor tensor, double[] values) {
        check(tensor, values.length, Format.ACTIVATION, Format.FILTER, Format.VECTOR);
        System.arraycopy(load(tensor), 0, values, 0, values.length);
    }

    @Override
    public void write(Tensor tensor, float[] values) {
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i];
        }
        write(tensor, doubles);
    }

    @Override
    public void write(Tensor tensor, byte[] values) {
        check(tensor, values.length, Format.IMAGES);
        double[] doubles = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            doubles[i] = values[i] & 0xFF;
        }
        store(tensor, doubles);
    }

    @Override
    public void write(Tensor tensor, int[] values) {
        check(tensor, values.length, Format.INTEGERS);
        store(tensor, Arrays.stream(values).asDoubleStream().toArray());
    }

    @Override
    public void read(Tensor tensor, float[] values) {
        double[] doubles = new double[values.length];
        read(tensor, doubles);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) doubles[i];
        }
    }

    @Override
    public void read(Tensor tensor, int[] values) {
        check(tensor, values.length, Format.INTEGERS);
        double[] doubles = load(tensor, "the host");
        for (int i = 0; i < values.length; i++) {
            values[i] = (int) doubles[i];
        }
    }

    private void check(Tensor tensor, int length, Format... formats) {
        checkOpen();
        if (!regions.containsKey(tensor)) {
            throw new IllegalArgumentException(tensor + " is not a tensor of this program.");
        }
        if (!Arrays.asList(formats).contains(tensor.format())) {
            throw new IllegalArgumentException(tensor + " holds " + tensor.format() + " and cannot be written or read as another type.");
        }
        if (length != tensor.elements()) {
            throw new IllegalArgumentException(tensor + " has " + tensor.elements() + " elements, the array " + length + ".");
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("The program is closed.");
        }
    }

    @Override
    public void close() {
        closed = true;
    }
}
