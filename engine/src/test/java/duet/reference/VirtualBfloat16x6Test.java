package duet.reference;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.device.Precision;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Products with three numbers of bf16 for a float: as close as FMA. */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class VirtualBfloat16x6Test extends SplitSuite {
    VirtualBfloat16x6Test() {
        super(Precision.BF16X6, 3);
    }
}
