package duet.use;

import java.util.ArrayList;
import java.util.List;

import duet.data.Batch;
import duet.data.BatchLoader;
import duet.data.Dataset;
import duet.data.Views;
import duet.device.Backend;
import duet.device.Ranks;
import duet.net.Shape;
import duet.plan.Placement;
import duet.train.Agreement;
import duet.train.LoadedPlan;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;

/**
 * Trained networks that classify together: the mean of their probabilities, over one view of an image or ten (the paper, sections 4.1
 * and 6). They have the same classes, but may differ in everything else. A single network is an ensemble, too. Owns neither the
 * backend nor data. One thread at a time.
 */
public final class Ensemble implements AutoCloseable {
    private final List<Classifier> members = new ArrayList<>();
    private final List<String> classNames;
    private final int batch;
    private final Ranks ranks;

    private Ensemble(List<String> classNames, int batch, Ranks ranks) {
        this.classNames = classNames;
        this.batch = batch;
        this.ranks = ranks;
    }

    /**
     * One of the networks.
     *
     * @param name       for messages, such as the file that the checkpoint was read from
     * @param checkpoint the trained network
     */
    public record Member(String name, Checkpoint checkpoint) {}

    /**
     * Loads trained networks to classify together.
     *
     * @param members   at least one; throws {@link TrainingException} if they have different classes
     * @param placement on how many devices, and how
     * @param backend   the devices of all; stays open
     * @param batch     how many images go through at once
     * @return the ensemble; close it
     */
    public static Ensemble create(List<Member> members, Placement placement, Backend backend, int batch) {
        Member first = members.getFirst();
        members.forEach(member -> requireSameClasses(first, member));
        Ensemble ensemble = new Ensemble(first.checkpoint().classNames(), batch, backend.ranks());
        members.forEach(member -> Agreement.onCheckpoint(backend.ranks(), "the network " + member.name(), member.checkpoint()));
        try {
            members.forEach(member -> ensemble.members.add(Classifier.create(member.checkpoint(), placement, backend, batch)));
            return ensemble;
        } catch (RuntimeException | Error e) {
            ensemble.close();
            throw e;
        }
    }

    private static void requireSameClasses(Member first, Member other) {
        List<String> names = first.checkpoint().classNames();
        List<String> others = other.checkpoint().classNames();
        String only = "; probabilities can be averaged only over the same classes in the same order";
        if (names.size() != others.size()) {
            throw new TrainingException(
                    other.name() + ": has " + others.size() + " classes, but " + first.name() + " has " + names.size() + only);
        }
        for (int label = 0; label < names.size(); label++) {
            if (!names.get(label).equals(others.get(label))) {
                throw new TrainingException(other.name() + ": class " + label + " is " + others.get(label) + ", but for " + first.name()
                        + " it is " + names.get(label) + only);
            }
        }
    }

    /**
     * Looks at every image that can be read.
     *
     * @param data          for each member the same images in the same order, as its network stores them
     * @param views         which parts of each image are looked at
     * @param worst         how many of the most confident mistakes are kept
     * @param loaderThreads threads that read and decode images, for each member
     * @param listener      told how far it is
     * @return loss, accuracy and mistakes
     */
    public Evaluation evaluate(List<Dataset> data, Views views, int worst, int loaderThreads, TrainingListener listener) {
        requireSameImages(data);
        data.forEach(images -> Agreement.onImages(ranks, "the images", images));
        ranks.requireSame("the views", views.name());
        Evaluation.Tally tally = new Evaluation.Tally(classNames, worst);
        List<BatchLoader> loaders = new ArrayList<>();
        try {
            for (int m = 0; m < members.size(); m++) {
                Shape input = members.get(m).checkpoint().network().input();
                loaders.add(BatchLoader.evaluation(data.get(m), input, batch, loaderThreads));
            }
            int size = data.getFirst().size();
            for (int first = 0; first < size; first += batch) {
                batch(loaders, views, first, tally);
                listener.validating(Math.min(size, first + batch), size);
            }
        } finally {
            loaders.forEach(BatchLoader::close);
        }
        if (tally.isEmpty()) {
            throw new TrainingException(data.getFirst().description() + ": not one image could be read");
        }
        return tally.result();
    }

    private void requireSameImages(List<Dataset> data) {
        if (data.size() != members.size()) {
            throw new IllegalArgumentException(data.size() + " data sets for " + members.size() + " networks");
        }
        for (int m = 0; m < members.size(); m++) {
            members.get(m).requireFit(data.get(m));
            if (data.get(m).size() != data.getFirst().size()) {
                throw new IllegalArgumentException(
                        "not the same images: " + data.get(m).description() + " and " + data.getFirst().description());
            }
        }
    }

    /** One batch through every network in every view. */
    private void batch(List<BatchLoader> loaders, Views views, int first, Evaluation.Tally tally) {
        float[] sums = new float[batch * classNames.size()];
        int[] labels = null;
        boolean several = members.size() > 1;
        for (int m = 0; m < members.size(); m++) {
            Batch images = loaders.get(m).next();
            labels = images.labels();
            List<int[]> crops = members.get(m).checkpoint().views(views);
            several |= crops.size() > 1;
            for (int[] crop : crops) {
                float[] probabilities = probabilities(members.get(m), images, crop);
                for (int i = 0; i < sums.length; i++) {
                    sums[i] += probabilities[i] / crops.size();
                }
            }
        }
        if (several) {
            count(sums, members.size(), labels, first, tally);
            return;
        }
        LoadedPlan alone = members.getFirst().session().lastEvaluation(); // its losses are exact where a probability is rounded to 0
        for (int i = 0; i < batch; i++) {
            if (labels[i] >= 0) {
                tally.add(first + i, labels[i], sums, i * classNames.size(), alone.losses()[i], alone.ranks()[i]);
            }
        }
    }

    private void count(float[] sums, int terms, int[] labels, int first, Evaluation.Tally tally) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] /= terms;
        }
        tally.add(first, labels, sums);
    }

    private static float[] probabilities(Classifier member, Batch images, int[] crop) {
        int[] crops = new int[3 * member.batch()];
        for (int i = 0; i < crops.length; i++) {
            crops[i] = crop[i % 3];
        }
        LoadedPlan results = member.session().evaluate(new Batch(images.number(), images.images(), crops, images.labels(), images.count()));
        Classifier.requireFinite(results.notFinite());
        return results.probabilities();
    }

    @Override
    public void close() {
        members.forEach(Classifier::close);
    }
}
