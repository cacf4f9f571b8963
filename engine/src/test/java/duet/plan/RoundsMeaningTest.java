package duet.plan;

import static duet.plan.PlanMeaningTest.assertSaid;
import static duet.plan.PlanMeaningTest.loss;
import static duet.plan.PlanMeaningTest.missing;
import static duet.plan.PlanMeaningTest.said;
import static duet.plan.PlanMeaningTest.small;

import java.util.List;

import duet.device.Operation;
import duet.device.Tensor;
import org.junit.jupiter.api.Test;

/** What is said of faults in rounds; {@link PlanMeaningTest} puts all others into a plan with rounds, too. */
class RoundsMeaningTest {
    /** Of two rounds on two lanes, the first has the images 0 and 1; convolutions have one of each. */
    @Test
    void faults() {
        Plan plan = small(Placement.hybrid(2, 2, 2), Mode.TRAINING);
        assertSaid("Dropout of drop2 on device 1 takes images 0 and 3, which are no run",
                said(plan, Operation.Slice.class, "drop1", op -> op.part().name().endsWith(".round")
                        ? new Operation.Slice(op.layer(), op.axis(), op.whole(), 1 - op.first(), op.part()) : op));
        String update = "SgdUpdate of scores on device 0 takes ";
        String all = " (outputs 0 to 2, inputs 0 to 3), not the gradient of scores.weight";
        String sum = "the gradient of scores.weight over images %d to %d alone";
        assertSaid(update + sum.formatted(0, 1) + all, missing(plan, Operation.Add.class, "scores"));
        assertSaid(update + "(" + sum.formatted(2, 3) + " + " + sum.formatted(0, 1) + ")" + all, said(plan, Operation.Add.class, "scores",
                op -> new Operation.Add(op.layer(), op.right(), op.left(), op.output())));
        assertSaid("Dropout of drop3 on device 1 draws for purpose 17 at rate 0.2, times 1.0, from image 2, channel 4 of 8 and row 0 of 1, "
                + "not for purpose 17 at rate 0.2, times 1.0, from image 0, channel 4 of 8 and row 0 of 1",
                said(plan, Operation.Dropout.class, "drop3", op -> new Operation.Dropout(op.layer(),
                        op.input(), op.output(), op.purpose(), op.rate(), op.scale(), op.totalChannels(), op.firstChannel(),
                        2 - op.firstImage(),
                        op.firstRow(), op.totalHeight())));
        List<Tensor> labels = plan.inputs().stream().map(Plan.Inputs::labels).toList();
        assertSaid("SoftmaxCrossEntropy of loss on device 1 takes the scores of images 0 to 1, but the labels of images 2 to 3",
                said(plan, Operation.SoftmaxCrossEntropy.class, "loss",
                        op -> loss(op, labels.get(labels.indexOf(op.labels()) ^ 2), op.divisor())));
        assertSaid("SoftmaxCrossEntropy of loss on device 0 divides by 2.0, not by 4.0",
                said(plan, Operation.SoftmaxCrossEntropy.class, "loss", op -> loss(op, op.labels(), 2)));
    }
}
