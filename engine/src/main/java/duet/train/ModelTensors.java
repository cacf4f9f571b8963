package duet.train;

import java.util.LinkedHashMap;
import java.util.Map;

import duet.data.Dataset;
import duet.data.ImageStatistics;
import duet.data.source.Datasets;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingOptions;

/**
 * What a checkpoint holds of a training, by its name there: parameters and momentum from the devices, and what was measured on the images.
 *
 * @param mean    {@link Checkpoint#MEAN}
 * @param colours {@link Checkpoint#COLOURS}; null without colour noise
 */
record ModelTensors(Session session, float[] mean, float[] colours) {
    /**
     * Mean image and colours are taken over that many images at most, unless the data are prepared; the mean is then exact to about one
     * grey level.
     */
    private static final int STATISTICS_IMAGES = 2_000;

    /** Those of a new training: the mean is given to the session, too. */
    static ModelTensors measured(Session session, Dataset images, TrainingOptions options) {
        ImageStatistics statistics = Datasets.statistics(images, STATISTICS_IMAGES);
        float[] mean = statistics.mean(options.mean());
        float[] colours = options.augmentation().colourNoise() > 0 ? statistics.principalColours().deviations() : null;
        session.setMean(mean);
        return new ModelTensors(session, mean, colours);
    }

    float[] get(String name) {
        return switch (name) {
            case Checkpoint.MEAN -> mean;
            case Checkpoint.COLOURS -> colours;
            default -> session.tensor(name);
        };
    }

    /** Copies of the parameters as they are now. */
    Map<String, float[]> parameters() {
        Map<String, float[]> tensors = new LinkedHashMap<>();
        session.shapes().forEach(shape -> tensors.put(shape.name(), get(shape.name())));
        return tensors;
    }

    /** Copies of all of them as they are now. */
    Map<String, float[]> all() {
        Map<String, float[]> tensors = parameters();
        session.shapes().forEach(shape -> tensors.put(shape.momentumName(), get(shape.momentumName())));
        tensors.put(Checkpoint.MEAN, mean.clone());
        if (colours != null) {
            tensors.put(Checkpoint.COLOURS, colours.clone());
        }
        return tensors;
    }
}
