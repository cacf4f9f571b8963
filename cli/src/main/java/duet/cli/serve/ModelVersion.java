package duet.cli.serve;

import duet.train.output.Checkpoint;
import duet.use.SharedClassifier;

/**
 * A network as it was after some step of its training, loaded.
 *
 * @param version    steps done; 1 for a network that was imported
 * @param origin     the file as it was found, to know it again
 * @param classifier answers
 * @param explainer  says what it saw; loads what it needs when it is asked
 */
record ModelVersion(String version, String origin, SharedClassifier classifier, Explainer explainer) implements AutoCloseable {
    ModelVersion(String version, SharedClassifier classifier, Explainer explainer) {
        this(version, "", classifier, explainer);
    }

    ModelVersion from(String file) {
        return new ModelVersion(version, file, classifier, explainer);
    }

    Checkpoint checkpoint() {
        return classifier.checkpoint();
    }

    @Override
    public void close() {
        explainer.close();
        classifier.close();
    }
}
