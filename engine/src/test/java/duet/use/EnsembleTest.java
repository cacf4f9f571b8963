package duet.use;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

import duet.data.Augmentation;
import duet.data.Dataset;
import duet.data.Views;
import duet.device.Backend;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Views and networks are averaged, answers are counted: against sums and counts made here from single classifications. */
class EnsembleTest {
    private static final int BATCH = 6;

    private static Checkpoint one;
    private static Checkpoint two;

    @BeforeAll
    static void train() {
        one = trained(7);
        two = trained(8);
    }

    private static Checkpoint trained(long seed) {
        try (Backend backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(
                        Tiny.network(), Placement.ONE_DEVICE, backend, Tiny.data(),
                        Tiny.options().toBuilder().seed(seed).steps(8).build())) {
            trainer.train(TrainingListener.SILENT);
            return trainer.snapshot();
        }
    }

    private static Evaluation evaluate(List<Checkpoint> checkpoints, Dataset data, Views views) {
        List<Ensemble.Member> members = IntStream.range(0, checkpoints.size())
                .mapToObj(i -> new Ensemble.Member("run" + i, checkpoints.get(i))).toList();
        try (Backend backend = Tiny.backend(1); Ensemble ensemble = Ensemble.create(members, Placement.ONE_DEVICE, backend, BATCH)) {
            return ensemble.evaluate(checkpoints.stream().map(checkpoint -> data).toList(), views, 5, 1, TrainingListener.SILENT);
        }
    }

    /** What one classification after another gives; a view is made by cutting and mirroring the image and mean here. */
    private static double[][] probabilities(List<Checkpoint> checkpoints, Dataset data, Views views) {
        double[][] sums = new double[data.size()][Tiny.CLASSES.size()];
        for (Checkpoint checkpoint : checkpoints) {
            List<int[]> crops = views.crops(Tiny.STORED, checkpoint.network().input(),
                    checkpoint.state().options().augmentation().mirror());
            for (int[] crop : crops) {
                try (Backend backend = Tiny.backend(1);
                        Classifier classifier = Classifier.create(cut(checkpoint, crop), Placement.ONE_DEVICE, backend, 1)) {
                    for (int i = 0; i < data.size(); i++) {
                        byte[] pixels = new byte[144];
                        data.read(i, pixels, 0);
                        for (Classifier.Prediction prediction : classifier.classify(cut(pixels, crop))) {
                            sums[i][prediction.label()] += prediction.probability() / (crops.size() * checkpoints.size());
                        }
                    }
                }
            }
        }
        return sums;
    }

    /** A checkpoint's network for stored images that are the view already. */
    private static Checkpoint cut(Checkpoint checkpoint, int[] crop) {
        Map<String, float[]> tensors = new HashMap<>(checkpoint.tensors());
        float[] mean = tensors.get(Checkpoint.MEAN);
        float[] part = new float[100];
        for (int i = 0; i < part.length; i++) {
            part[i] = mean[place(i, crop)];
        }
        tensors.put(Checkpoint.MEAN, part);
        return new Checkpoint(checkpoint.network(), checkpoint.classNames(), new Shape(1, 10, 10), tensors, checkpoint.state());
    }

    private static byte[] cut(byte[] pixels, int[] crop) {
        byte[] part = new byte[100];
        for (int i = 0; i < part.length; i++) {
            part[i] = pixels[place(i, crop)];
        }
        return part;
    }

    private static int place(int i, int[] crop) {
        int x = crop[2] == 1 ? 9 - i % 10 : i % 10;
        return (crop[0] + i / 10) * 12 + crop[1] + x;
    }

    private static void assertCounted(double[][] probabilities, Dataset data, Evaluation evaluation) {
        int classes = Tiny.CLASSES.size();
        int[][] confusion = new int[classes][classes];
        double loss = 0;
        for (int i = 0; i < probabilities.length; i++) {
            int label = data.read(i, new byte[144], 0);
            int best = 0;
            for (int c = 1; c < classes; c++) {
                best = probabilities[i][c] > probabilities[i][best] ? c : best;
            }
            confusion[label][best]++;
            loss -= Math.log(probabilities[i][label]) / probabilities.length;
        }
        assertArrayEquals(confusion, evaluation.confusion());
        assertEquals(loss, evaluation.loss(), 1e-5 * loss);
        assertEquals((double) IntStream.range(0, classes).map(c -> confusion[c][c]).sum() / probabilities.length, evaluation.top1(), 1e-12);
        assertEquals(1, evaluation.top5(), "of four classes");
        assertEquals(probabilities.length, evaluation.images());
    }

    @Test
    void oneViewOfOneNetwork() {
        Dataset data = new Tiny.Patterns(21, Tiny.CLASSES, 3);
        assertCounted(probabilities(List.of(one), data, Views.ONE), data, evaluate(List.of(one), data, Views.ONE));
    }

    /** Mirrored views are for networks that were trained with mirrored images. */
    @Test
    void tenViewsAreTheMeanOfSingleOnes() {
        Dataset data = new Tiny.Patterns(21, Tiny.CLASSES, 3);
        assertEquals(10, one.views(Views.TEN).size());
        assertCounted(probabilities(List.of(one), data, Views.TEN), data, evaluate(List.of(one), data, Views.TEN));
        TrainingOptions straight = one.state().options().toBuilder().augmentation(Augmentation.NONE).build();
        Checkpoint unmirrored = new Checkpoint(one.network(), one.classNames(), one.stored(), one.tensors(),
                one.state().continued(straight, one.state().arithmetic(), null));
        assertEquals(5, unmirrored.views(Views.TEN).size());
        assertCounted(probabilities(List.of(unmirrored), data, Views.TEN), data, evaluate(List.of(unmirrored), data, Views.TEN));
        List<Checkpoint> both = List.of(one, unmirrored);
        assertCounted(probabilities(both, data, Views.TEN), data, evaluate(both, data, Views.TEN));
    }

    @Test
    void anEnsembleIsTheMeanOfItsMembers() {
        Dataset data = new Tiny.Patterns(21, Tiny.CLASSES, 4);
        assertCounted(probabilities(List.of(one, two), data, Views.TEN), data, evaluate(List.of(one, two), data, Views.TEN));
        assertCounted(probabilities(List.of(one, two), data, Views.ONE), data, evaluate(List.of(one, two), data, Views.ONE));
    }

    @Test
    void damagedImagesAreLeftOut() {
        Dataset data = new Tiny.Patterns(21, Tiny.CLASSES, 3).damaged(0, 7, 20);
        Evaluation evaluation = evaluate(List.of(one), data, Views.ONE);
        assertEquals(18, evaluation.images());
        assertEquals(18, evaluation.classes().stream().mapToLong(Evaluation.ClassResult::images).sum());
    }

    @Test
    void tableOfClassesAndPairs() {
        Evaluation evaluation = new Evaluation(List.of("a", "b", "c"), 12, 1, 0, 0, new int[][] {{3, 1, 1}, {0, 0, 2}, {0, 0, 5}},
                List.of());
        assertEquals(List.of(new Evaluation.ClassResult("a", 5, 3, "b", 1), new Evaluation.ClassResult("b", 2, 0, "c", 2),
                new Evaluation.ClassResult("c", 5, 5, null, 0)), evaluation.classes());
        assertEquals(0.6, evaluation.classes().getFirst().accuracy(), 1e-12);
        assertEquals(
                List.of(new Evaluation.Confusion("b", "c", 2), new Evaluation.Confusion("a", "b", 1),
                        new Evaluation.Confusion("a", "c", 1)),
                evaluation.confusions());
    }

    @Test
    void theMostConfidentMistakesComeFirst() {
        Evaluation.Tally tally = new Evaluation.Tally(List.of("a", "b", "c"), 2);
        tally.add(0, 0, new float[] {0.1f, 0.3f, 0.6f}, 0, 1, 2);
        tally.add(1, 0, new float[] {0.9f, 0.05f, 0.05f}, 0, 1, 0);
        tally.add(2, 2, new float[] {9, 9, 9, 0.1f, 0.8f, 0.1f}, 3, 1, 2);
        tally.add(3, 1, new float[] {0.6f, 0.3f, 0.1f}, 0, 1, 1);
        assertEquals(List.of(new Evaluation.Mistake(2, 2, 1, 0.8f, 0.1f), new Evaluation.Mistake(0, 0, 2, 0.6f, 0.1f)),
                tally.result().worst());
        assertEquals(0.25, tally.result().top1(), 1e-12);
    }

    @Test
    void ranksCountAsTheDevicesDo() {
        float[] probabilities = {9, 0.2f, 0.3f, 0.3f, 0.2f};
        assertArrayEquals(new int[] {2, 0, 1, 3},
                IntStream.range(0, 4).map(label -> Evaluation.rank(probabilities, 1, 4, label)).toArray());
    }

    @Test
    void membersMustTellTheSameClassesApart() {
        List<String> renamed = new ArrayList<>(Tiny.CLASSES);
        renamed.set(2, "dots");
        Checkpoint other = new Checkpoint(two.network(), renamed, two.stored(), two.tensors(), two.state());
        List<Ensemble.Member> members = List.of(new Ensemble.Member("runs/one", one), new Ensemble.Member("runs/two", other));
        try (Backend backend = Tiny.backend(1)) {
            assertEquals(
                    "runs/two: class 2 is dots, but for runs/one it is checks; probabilities can be averaged only over the same classes in "
                            + "the same order",
                    assertThrows(TrainingException.class,
                            () -> Ensemble.create(members, Placement.ONE_DEVICE, backend, BATCH)).getMessage());
        }
    }
}
