package duet.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import java.util.Map;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.device.Arithmetic;
import duet.device.Backend;
import duet.device.Backends;
import duet.device.ConvolutionChoice;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.device.ranks.RankedBackend;
import duet.device.ranks.ThreadRanks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Processes with CUDA devices of their own: what they exchange goes through the host's memory. The same bits as devices of one process. */
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class RankedCudaTest {
    private static final long PATIENCE = 60;
    private static final int STEPS = 3;

    static CpuOptions options(Precision precision) {
        return new CpuOptions(0, new Arithmetic(ConvolutionChoice.FASTEST, precision));
    }

    static Map<String, float[]> train(Backend opened, Network network, Placement placement) {
        try (Backend backend = opened;
                Trainer trainer = Trainer.create(network, placement, backend, Tiny.data(),
                        Tiny.options().toBuilder().steps(STEPS).build())) {
            trainer.train(TrainingListener.SILENT);
            return trainer.snapshot().tensors();
        }
    }

    static Placement placement(String name) {
        return switch (name) {
            case "towers" -> Placement.TWO_TOWERS;
            case "halves" -> Placement.HALVES;
            case "data", "wide" -> Placement.data(2, 4);
            case "four" -> Placement.data(4, 4);
            case "data,towers" -> Placement.data(Placement.TWO_TOWERS, 2, 2);
            case "data,halves" -> Placement.data(Placement.HALVES, 2, 2);
            case "data,hybrid" -> Placement.data(Placement.hybrid(2, 2), 2, 2);
            default -> Placement.hybrid(2, 2);
        };
    }

    @ParameterizedTest
    @CsvSource({"towers, FP32", "towers, BF16", "halves, FP32", "data, FP32", "data, BF16", "hybrid, FP32", "wide, FP32", "wide, BF16",
            "'data,towers', FP32", "'data,towers', BF16", "'data,halves', FP32", "'data,hybrid', FP32", "four, FP32"})
    void sameBitsAsOneProcess(String name, Precision precision) {
        Placement placement = placement(name);
        int each = placement.devices() / 2;
        Network network = name.equals("wide") ? Tiny.wide() : Tiny.network();
        TestDevices.reset();
        Map<String, float[]> expected = train(
                Backends.open(each == 1 ? TestDevices.two() : TestDevices.two() + "," + TestDevices.two(), options(precision)), network,
                placement);
        ThreadRanks
                .run(2, 9, PATIENCE,
                        ranks -> train(
                                RankedBackend.open(each == 1 ? TestDevices.one() : TestDevices.two(), each, options(precision), ranks),
                                network, placement))
                .forEach(tensors -> expected.forEach((tensor, values) -> assertArrayEquals(values, tensors.get(tensor), tensor)));
        TestDevices.requireClean(placement + " " + precision);
    }
}
