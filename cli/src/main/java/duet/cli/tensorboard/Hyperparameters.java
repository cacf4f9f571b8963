package duet.cli.tensorboard;

import java.util.LinkedHashMap;
import java.util.Map;

import com.google.protobuf.Value;
import duet.cli.options.RatePolicy;
import duet.cli.tensorboard.proto.HParams.DataType;
import duet.cli.tensorboard.proto.HParams.DatasetType;
import duet.cli.tensorboard.proto.HParams.Experiment;
import duet.cli.tensorboard.proto.HParams.HParamInfo;
import duet.cli.tensorboard.proto.HParams.HParamsPluginData;
import duet.cli.tensorboard.proto.HParams.MetricInfo;
import duet.cli.tensorboard.proto.HParams.MetricName;
import duet.cli.tensorboard.proto.HParams.SessionEndInfo;
import duet.cli.tensorboard.proto.HParams.SessionStartInfo;
import duet.cli.tensorboard.proto.HParams.Status;
import duet.data.Augmentation;
import duet.net.Network;
import duet.train.schedule.TrainingOptions;

/**
 * What distinguishes a training from others, for TensorBoard's table of them.
 *
 * @param values texts, numbers and truths, by the names that they have on the command line
 */
record Hyperparameters(Map<String, Object> values) {
    /** Values of what TensorBoard reads as a plug-in's data: its only version. */
    private static final int VERSION = 0;

    /** @param setting what the options do not say: data, placement, precision */
    static Hyperparameters of(Network network, TrainingOptions options, Map<String, String> setting) {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("net", network.name());
        values.putAll(setting);
        values.put("batch", options.batch());
        values.put("epochs", options.epochs());
        values.put("steps", options.steps());
        values.put("lr", options.learningRate().initial());
        values.put("lr-policy", RatePolicy.describe(options.learningRate()));
        values.put("bias-lr-factor", options.biasRateFactor());
        values.put("momentum", options.momentum());
        values.put("weight-decay", options.weightDecay());
        values.put("seed", options.seed());
        values.put("shuffle", options.shuffle());
        Augmentation augmentation = options.augmentation();
        values.put("random-crop", augmentation.randomCrop() && !augmentation.patches().any());
        values.put("patches", augmentation.patches().leastShare());
        values.put("patches-aspect", augmentation.patches().mostAspect());
        values.put("photometric", augmentation.photometric());
        values.put("crop-chunk", augmentation.cropChunk());
        values.put("mean", options.mean().toString());
        values.put("mirror", augmentation.mirror());
        values.put("colour-noise", augmentation.colourNoise());
        values.put("dropout", options.dropout());
        values.put("freeze", String.join(",", options.frozen()));
        return new Hyperparameters(values);
    }

    /** Which hyperparameters there are, and by which results trainings are compared. */
    HParamsPluginData experiment(Iterable<String> metrics) {
        Experiment.Builder experiment = Experiment.newBuilder();
        values.forEach((name, value) -> experiment.addHparamInfos(HParamInfo.newBuilder().setName(name).setType(type(value))));
        metrics.forEach(tag -> experiment.addMetricInfos(
                MetricInfo.newBuilder().setName(MetricName.newBuilder().setTag(tag)).setDatasetType(DatasetType.DATASET_VALIDATION)));
        return data().setExperiment(experiment).build();
    }

    private static DataType type(Object value) {
        return switch (value) {
            case Boolean truth -> DataType.DATA_TYPE_BOOL;
            case Number number -> DataType.DATA_TYPE_FLOAT64;
            default -> DataType.DATA_TYPE_STRING;
        };
    }

    /** This training and its values. */
    HParamsPluginData started(double seconds) {
        SessionStartInfo.Builder session = SessionStartInfo.newBuilder().setStartTimeSecs(seconds);
        values.forEach((name, value) -> session.putHparams(name, wrapped(value)));
        return data().setSessionStartInfo(session).build();
    }

    private static Value wrapped(Object value) {
        return switch (value) {
            case Boolean truth -> Value.newBuilder().setBoolValue(truth).build();
            case Number number -> Value.newBuilder().setNumberValue(number.doubleValue()).build();
            default -> Value.newBuilder().setStringValue(value.toString()).build();
        };
    }

    /** That this training has done what it should. */
    static HParamsPluginData ended(double seconds) {
        return data().setSessionEndInfo(SessionEndInfo.newBuilder().setStatus(Status.STATUS_SUCCESS).setEndTimeSecs(seconds)).build();
    }

    private static HParamsPluginData.Builder data() {
        return HParamsPluginData.newBuilder().setVersion(VERSION);
    }
}
