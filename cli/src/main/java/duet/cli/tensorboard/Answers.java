package duet.cli.tensorboard;

import java.util.List;

import duet.train.output.Metrics;
import duet.use.Evaluation;

/** Counts in a validation which classes are taken for which. */
final class Answers {
    private final List<String> classNames;
    private int[][] confusion;
    private long images;
    private boolean complete;

    Answers(List<String> classNames) {
        this.classNames = classNames;
        clear();
    }

    void clear() {
        confusion = new int[classNames.size()][classNames.size()];
        images = 0;
        complete = false;
    }

    /**
     * Counts a batch; the first after {@link #complete} begins anew.
     *
     * @param labels        -1 where there is no image
     * @param probabilities [batch][classes]
     */
    void add(int[] labels, float[] probabilities) {
        if (complete) {
            clear();
        }
        for (int i = 0; i < labels.length; i++) {
            if (labels[i] >= 0) {
                confusion[labels[i]][mostProbable(probabilities, i * classNames.size())]++;
                images++;
            }
        }
    }

    /** Among equals the first, as devices count. */
    private int mostProbable(float[] probabilities, int from) {
        int best = 0;
        for (int c = 1; c < classNames.size(); c++) {
            best = probabilities[from + c] > probabilities[from + best] ? c : best;
        }
        return best;
    }

    /** That the validation is over. */
    void complete() {
        complete = true;
    }

    /** Without mistakes image by image. */
    Evaluation evaluation(Metrics validation) {
        return new Evaluation(classNames, images, validation.loss(), validation.top1(), validation.top5(), confusion, List.of());
    }
}
