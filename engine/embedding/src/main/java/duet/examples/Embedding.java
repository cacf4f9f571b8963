package duet.examples;

import java.nio.file.Path;

import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.Recipe;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.TrainingListener;
import duet.use.Classifier;

/** Trains on the images of a source such as {@code folder:pictures} and says what is on one more picture. */
public final class Embedding {
    public static void main(String[] arguments) {
        String source = arguments[0];
        Path picture = Path.of(arguments[1]);
        Datasets.Description images = Datasets.describe(source);
        Network network = Networks.create("alexnet-small", images.channels(), images.classes());
        try (Backend backend = Backends.openDefault(2, 0);
                Split data = Datasets.open(source, network.input(), 1, DamageReport.STRICT)) {
            Checkpoint model;
            try (Trainer trainer = Trainer.create(network, Placement.TWO_TOWERS, backend, data,
                    Recipe.of("alexnet-small"))) {
                trainer.train(TrainingListener.SILENT);
                model = trainer.snapshot();
            }
            try (Classifier classifier = Classifier.create(model, Placement.TWO_TOWERS, backend, 1)) {
                Classifier.Prediction best = classifier.classify(picture).getFirst();
                System.out.printf("%s (%.0f %%)%n", best.name(), 100 * best.probability());
            }
        }
    }
}
