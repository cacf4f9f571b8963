package duet.train;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import duet.device.Backend;
import duet.device.Backends;
import duet.device.CpuOptions;
import duet.device.Precision;
import duet.plan.Placement;
import duet.plan.Placements;
import org.junit.jupiter.api.Test;

/** A network learns the same in bf16 as in float. */
class CpuBfloat16TrainingTest {
    private static Trainer.Result train(Placement placement, Precision precision) {
        CpuOptions options = CpuOptions.DEFAULT.withThreads(placement.devices()).withPrecision(precision);
        try (Backend backend = Backends.open(placement.devices() == 1 ? "cpu" : "cpu,cpu", options);
                Trainer trainer = Trainer.create(Tiny.network(), placement, backend, Tiny.data(),
                        Tiny.options().toBuilder().epochs(30).build())) {
            return trainer.train(new Recorder());
        }
    }

    @Test
    void learns() {
        for (Placement placement : Placements.ANY_BATCH) {
            Trainer.Result single = train(placement, Precision.FP32);
            Trainer.Result rounded = train(placement, Precision.BF16_EVERYWHERE);
            for (Trainer.Result result : new Trainer.Result[] {single, rounded}) {
                assertTrue(result.validation().top1() >= 0.9, result.validation().toString());
                assertTrue(result.validation().loss() < 0.5, result.validation().toString());
            }
            assertNotEquals(single.validation().loss(), rounded.validation().loss(), "nothing was rounded");
        }
    }
}
