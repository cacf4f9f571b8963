package duet;

import static org.junit.platform.commons.support.AnnotationSupport.findAnnotation;

import java.util.Optional;
import java.util.stream.Stream;

import duet.bindings.KernelCode;
import duet.device.Backends;
import duet.device.VirtualGpu;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.parallel.ResourceLock;

/**
 * Skips tests of the CUDA kernels where there is nothing to run or nothing to run it: no nvcc at build time, no virtual GPU for this
 * processor, or on a real card (see {@link TestDevices}) what only the virtual GPU can do. Runs of the CPU kernels' tests on other
 * instruction sets do not repeat them.
 */
public final class VirtualGpuCondition implements ExecutionCondition {
    /** Whether the virtual GPU is one more device for tests that have other ones too. */
    public static boolean runs() {
        return TestDevices.virtual() && !new VirtualGpuCondition().evaluateExecutionCondition(null).isDisabled();
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        if (Boolean.getBoolean("duet.test.others")) {
            return ConditionEvaluationResult.disabled("only the CPU kernels have other instruction sets");
        }
        if (KernelCode.load().modules().isEmpty()) {
            return ConditionEvaluationResult.disabled("this build has no CUDA kernels: no nvcc was found");
        }
        if (context != null && Stream.of(context.getRequiredTestClass().getAnnotationsByType(ResourceLock.class))
                .noneMatch(lock -> lock.value().equals(TestDevices.LOCK))) {
            throw new IllegalStateException(context.getRequiredTestClass() + " must have @ResourceLock(TestDevices.LOCK)");
        }
        if (TestDevices.virtual()) {
            return VirtualGpu.problem().map(ConditionEvaluationResult::disabled)
                    .orElse(ConditionEvaluationResult.enabled("the virtual GPU"));
        }
        Optional<VirtualOnly> only = context.getElement().flatMap(element -> findAnnotation(element, VirtualOnly.class));
        if (only.isPresent()) {
            return ConditionEvaluationResult.disabled("not on a card: " + only.get().value());
        }
        return Backends.noCuda().map(ConditionEvaluationResult::disabled).orElse(ConditionEvaluationResult.enabled(TestDevices.two()));
    }
}
