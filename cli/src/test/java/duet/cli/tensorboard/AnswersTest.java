package duet.cli.tensorboard;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;

import duet.train.output.Metrics;
import duet.use.Evaluation;
import org.junit.jupiter.api.Test;

class AnswersTest {
    private static final Metrics METRICS = new Metrics("validation", 9, 1, 0.5, 0.25, 1, 0.01, 100);

    @Test
    void countsUntilTheValidationIsOver() {
        Answers answers = new Answers(List.of("a", "b", "c"));
        answers.add(new int[] {0, -1, 2}, new float[] {0.6f, 0.3f, 0.1f, 0, 0, 1, 0.4f, 0.4f, 0.2f});
        answers.add(new int[] {2, 1}, new float[] {0.1f, 0.1f, 0.8f, 0.1f, 0.2f, 0.7f, 9, 9, 9});
        answers.complete();
        Evaluation evaluation = answers.evaluation(METRICS);
        assertArrayEquals(new int[][] {{1, 0, 0}, {0, 0, 1}, {1, 0, 1}}, evaluation.confusion(), "among equals the first");
        assertEquals(4, evaluation.images());
        assertEquals(0.25, evaluation.top1());
        answers.add(new int[] {1}, new float[] {0, 1, 0});
        assertArrayEquals(new int[][] {{0, 0, 0}, {0, 1, 0}, {0, 0, 0}}, answers.evaluation(METRICS).confusion(), "the next one");
        answers.clear();
        assertEquals(0, answers.evaluation(METRICS).images(), "one that was broken off");
    }
}
