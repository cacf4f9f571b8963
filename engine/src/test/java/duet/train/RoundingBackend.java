package duet.train;

import java.util.List;
import java.util.Map;

import duet.device.Backend;
import duet.device.DeviceInfo;
import duet.device.Operation;
import duet.device.Program;
import duet.device.Region;
import duet.device.RunParameters;
import duet.device.Storage;
import duet.device.StreamSteps;
import duet.device.Tensor;

/** A double-precision backend whose parameters are floats between runs, as checkpoints hold them. */
record RoundingBackend(Backend inner) implements Backend {
    @Override
    public String description() {
        return inner.description();
    }

    @Override
    public List<DeviceInfo> devices() {
        return inner.devices();
    }

    @Override
    public long bytes(Tensor tensor) {
        return inner.bytes(tensor);
    }

    @Override
    public long workspaceBytes(Operation operation, int device) {
        return inner.workspaceBytes(operation, device);
    }

    @Override
    public Storage allocate(long[] bytesPerDevice) {
        return inner.allocate(bytesPerDevice);
    }

    @Override
    public Program load(List<StreamSteps> streams, Map<Tensor, Region> regions, Storage persistent, Storage scratch) {
        List<Tensor> parameters = regions.keySet().stream().filter(tensor -> tensor.role().persistent()).toList();
        return new Rounding(inner.load(streams, regions, persistent, scratch), parameters);
    }

    @Override
    public void close() {
        inner.close();
    }

    private record Rounding(Program program, List<Tensor> parameters) implements Program {
        @Override
        public void run(RunParameters run) {
            program.run(run);
            for (Tensor parameter : parameters) {
                float[] values = new float[(int) parameter.elements()];
                program.read(parameter, values);
                program.write(parameter, values);
            }
        }

        @Override
        public void write(Tensor tensor, float[] values) {
            program.write(tensor, values);
        }

        @Override
        public void write(Tensor tensor, byte[] values) {
            program.write(tensor, values);
        }

        @Override
        public void write(Tensor tensor, int[] values) {
            program.write(tensor, values);
        }

        @Override
        public void read(Tensor tensor, float[] values) {
            program.read(tensor, values);
        }

        @Override
        public void read(Tensor tensor, int[] values) {
            program.read(tensor, values);
        }

        @Override
        public void close() {
            program.close();
        }
    }
}
