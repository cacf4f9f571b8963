package duet.reference;

import duet.TestDevices;
import duet.VirtualGpuCondition;
import duet.device.Precision;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.parallel.ResourceLock;

/** Products with two numbers of bf16 for a float: within 2e-5. */
@Tag("sim")
@ExtendWith(VirtualGpuCondition.class)
@ResourceLock(TestDevices.LOCK)
class VirtualBfloat16x3Test extends SplitSuite {
    VirtualBfloat16x3Test() {
        super(Precision.BF16X3, 2);
    }
}
