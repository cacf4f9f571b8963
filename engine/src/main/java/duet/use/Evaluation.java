package duet.use;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/**
 * How well a network, or several together, classified the images of a data set.
 *
 * @param classNames a label is an index into them
 * @param images     that could be read
 * @param loss       mean cross-entropy in nats
 * @param top1       share of images whose class was thought most probable
 * @param top5       share of images whose class was among the five most probable
 * @param confusion  [class][class that it was taken for], images
 * @param worst      wrong answers, the most confident first
 */
public record Evaluation(
        List<String> classNames, long images, double loss, double top1, double top5, int[][] confusion, List<Mistake> worst) {

    /** Copies the lists. */
    public Evaluation {
        classNames = List.copyOf(classNames);
        worst = List.copyOf(worst);
    }

    /**
     * One image that was taken for something else.
     *
     * @param index       of the image in the data set
     * @param label       its class
     * @param given       the class that it was taken for
     * @param probability of the class that it was taken for
     * @param ofLabel     the probability that its own class got
     */
    public record Mistake(int index, int label, int given, float probability, float ofLabel) {}

    /**
     * One line of the table of classes.
     *
     * @param name         of the class
     * @param images       of this class
     * @param correct      of them
     * @param confusedWith the class that it was most often taken for; null if it was never taken for another
     * @param times        how often
     */
    public record ClassResult(String name, long images, long correct, String confusedWith, int times) {
        /** {@return the share of the class's images that was right; 0 for a class without images} */
        public double accuracy() {
            return images == 0 ? 0 : (double) correct / images;
        }
    }

    /**
     * Images of one class that were taken for another.
     *
     * @param name     the images' class
     * @param takenFor what they were taken for
     * @param images   how many
     */
    public record Confusion(String name, String takenFor, int images) {}

    /** {@return a line for each class, in the order of the labels} */
    public List<ClassResult> classes() {
        List<ClassResult> results = new ArrayList<>();
        for (int label = 0; label < classNames.size(); label++) {
            long images = 0;
            int most = -1;
            for (int given = 0; given < classNames.size(); given++) {
                int count = confusion[label][given];
                images += count;
                if (given != label && count > 0 && (most < 0 || count > confusion[label][most])) {
                    most = given;
                }
            }
            results.add(new ClassResult(classNames.get(label), images, confusion[label][label], most < 0 ? null : classNames.get(most),
                    most < 0 ? 0 : confusion[label][most]));
        }
        return results;
    }

    /** {@return every pair of different classes that was confused, the most frequent first, then in the order of the labels} */
    public List<Confusion> confusions() {
        List<Confusion> pairs = new ArrayList<>();
        for (int label = 0; label < classNames.size(); label++) {
            for (int given = 0; given < classNames.size(); given++) {
                if (given != label && confusion[label][given] > 0) {
                    pairs.add(new Confusion(classNames.get(label), classNames.get(given), confusion[label][given]));
                }
            }
        }
        pairs.sort(Comparator.comparingInt(Confusion::images).reversed());
        return pairs;
    }

    /** Counts answers, image by image. */
    public static final class Tally {
        private static final int TOP = 5;

        private final List<String> classNames;
        private final int worst;
        private final int[][] confusion;
        /** The least confident at the head; among equals the later image. */
        private final PriorityQueue<Mistake> mistakes = new PriorityQueue<>(
                Comparator.comparingDouble(Mistake::probability).thenComparing(Mistake::index, Comparator.reverseOrder()));
        private long images;
        private double loss;
        private long top1;
        private long top5;

        /**
         * Begins to count.
         *
         * @param classNames in the order of the labels
         * @param worst      how many mistakes are kept
         */
        public Tally(List<String> classNames, int worst) {
            this.classNames = classNames;
            this.worst = worst;
            confusion = new int[classNames.size()][classNames.size()];
        }

        /**
         * @param probabilities of each class from {@code from} on
         * @param loss          -log of the label's probability
         * @param rank          how many classes came before the label
         */
        void add(int index, int label, float[] probabilities, int from, double loss, int rank) {
            images++;
            this.loss += loss;
            top1 += rank == 0 ? 1 : 0;
            top5 += rank < TOP ? 1 : 0;
            int given = label;
            for (int c = 0; rank > 0 && c < classNames.size(); c++) {
                boolean better = given == label || probabilities[from + c] > probabilities[from + given];
                given = c != label && better ? c : given;
            }
            confusion[label][given]++;
            if (given != label && worst > 0) {
                mistakes.add(new Mistake(index, label, given, probabilities[from + given], probabilities[from + label]));
                if (mistakes.size() > worst) {
                    mistakes.poll();
                }
            }
        }

        /**
         * Counts a batch.
         *
         * @param first         index of its first image
         * @param labels        -1 where there is no image
         * @param probabilities [batch][classes]
         */
        public void add(int first, int[] labels, float[] probabilities) {
            int classes = classNames.size();
            for (int i = 0; i < labels.length; i++) {
                if (labels[i] >= 0) {
                    double ofImage = -Math.log(Math.max(probabilities[i * classes + labels[i]], Float.MIN_NORMAL));
                    add(first + i, labels[i], probabilities, i * classes, ofImage, rank(probabilities, i * classes, classes, labels[i]));
                }
            }
        }

        /** {@return what has been counted} */
        public Evaluation result() {
            List<Mistake> sorted = new ArrayList<>(mistakes);
            sorted.sort(mistakes.comparator().reversed());
            return new Evaluation(classNames, images, loss / images, (double) top1 / images, (double) top5 / images, confusion, sorted);
        }

        boolean isEmpty() {
            return images == 0;
        }
    }

    /** How many classes are more probable than the label, or as probable and before it; the devices count in the same way. */
    static int rank(float[] probabilities, int from, int classes, int label) {
        int rank = 0;
        for (int c = 0; c < classes; c++) {
            float other = probabilities[from + c];
            float own = probabilities[from + label];
            rank += other > own || other == own && c < label || Float.isNaN(other) ? 1 : 0;
        }
        return rank;
    }
}
