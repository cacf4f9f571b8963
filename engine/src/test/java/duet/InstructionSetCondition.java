package duet;

import java.util.List;

import duet.bindings.CpuVariant;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * With -Dduet.cpu=NAME: skips tests if the processor lacks that instruction set. With -Dduet.test.others=true also if it is the best
 * one, because they run on that one without being asked.
 */
public final class InstructionSetCondition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
        String wanted = System.getProperty("duet.cpu");
        if (wanted == null) {
            return ConditionEvaluationResult.enabled("the best instruction set of the processor");
        }
        List<String> has = CpuVariant.supported().stream().map(CpuVariant::label).toList();
        if (!has.contains(wanted)) {
            return ConditionEvaluationResult.disabled("this processor can run " + has + ", not " + wanted);
        }
        return has.getLast().equals(wanted) && Boolean.getBoolean("duet.test.others")
                ? ConditionEvaluationResult.disabled(wanted + " is the best that this processor has: run without -Dduet.cpu")
                : ConditionEvaluationResult.enabled(wanted);
    }
}
