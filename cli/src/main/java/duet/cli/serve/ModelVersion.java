package duet.cli.serve;

import duet.train.output.Checkpoint;
import duet.use.SharedClassifier;

/**
 * A network as it was after some step of its training, loaded.
 *
 * @param version    steps done; 1 for a network that was imported
 * @param origin     the file as it was found, to know it again
 * @param classifier answers
 */
record ModelVersion(String version, String origin, SharedClassifier classifier) implements AutoCloseable {
    ModelVersion(String version, SharedClassifier classifier) {
        this(version, "", classifier);
    }

    ModelVersion from(String file) {
        return new ModelVersion(version, file, classifier);
    }

    Checkpoint checkpoint() {
        return classifier.checkpoint();
    }

    @Override
    public void close() {
        classifier.close();
    }
}
