package duet;

import duet.bindings.KernelCode;
import duet.device.VirtualGpu;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Skips tests of the CUDA kernels where there is nothing to run or nothing to run it: no nvcc at build time, or no virtual GPU for this
 * processor. Runs of the CPU kernels' tests on other instruction sets do not repeat them.
 */
public final class VirtualGpuCondition implements ExecutionCondition {
    /** For tests that have other devices too. */
    public static boolean runs() {
        return !new VirtualGpuCondition().evaluateExecutionCondition(null).isDisabled();
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (Boolean.getBoolean("duet.test.others")) {
            return ConditionEvaluationResult.disabled("only the CPU kernels have other instruction sets");
        }
        if (KernelCode.load().modules().isEmpty()) {
            return ConditionEvaluationResult.disabled("this build has no CUDA kernels: no nvcc was found");
        }
        return VirtualGpu.problem().map(ConditionEvaluationResult::disabled).orElse(ConditionEvaluationResult.enabled("the virtual GPU"));
    }
}
