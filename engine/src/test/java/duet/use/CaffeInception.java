package duet.use;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import duet.model.proto.Caffe;

/**
 * A file of Caffe as bvlc_googlenet.caffemodel is saved in training: modules of four branches, copies by Split layers that Caffe puts in
 * itself, auxiliary classifiers, accuracies. With fewer modules and filters; a sum stands for the second module.
 */
final class CaffeInception {
    static final int SIDE = 48;
    static final int CLASSES = 6;
    private static final Map<String, Integer> OLD_TYPES = Map.ofEntries(Map.entry("Convolution", 4), Map.entry("ReLU", 18),
            Map.entry("LRN", 15), Map.entry("Pooling", 17), Map.entry("InnerProduct", 14), Map.entry("Dropout", 6), Map.entry("Concat", 3),
            Map.entry("Eltwise", 25), Map.entry("Split", 22), Map.entry("SoftmaxWithLoss", 21), Map.entry("Accuracy", 1),
            Map.entry("Data", 5));

    private final SplittableRandom random = new SplittableRandom(3);
    private final Caffe.NetParameter.Builder net = Caffe.NetParameter.newBuilder().setName("GoogleNet");

    private CaffeInception() {
        layer("data", "Data", List.of(), "data", "label").setTransformParam(
                Caffe.TransformationParameter.newBuilder().setCropSize(SIDE).addMeanValue(104).addMeanValue(117).addMeanValue(123));
        split("label", 3);
        convolution("conv1/7x7_s2", "data", 8, 3, 7, 2, 3);
        relu("conv1/relu_7x7", "conv1/7x7_s2");
        pool("pool1/3x3_s2", "conv1/7x7_s2", 3, 2, 0, Caffe.PoolingParameter.PoolMethod.MAX);
        layer("pool1/norm1", "LRN", List.of("pool1/3x3_s2"), "pool1/norm1")
                .setLrnParam(Caffe.LRNParameter.newBuilder().setLocalSize(5).setAlpha(1e-4f).setBeta(0.75f));
        split("pool1/norm1", 4);
        String from = "pool1/norm1_pool1/norm1_0_split_";
        branch("1x1", from + 0, 4, 8, 1, 0);
        branch("3x3_reduce", from + 1, 4, 8, 1, 0);
        branch("3x3", "inception_3a/3x3_reduce", 6, 4, 3, 1);
        branch("5x5_reduce", from + 2, 2, 8, 1, 0);
        branch("5x5", "inception_3a/5x5_reduce", 3, 2, 5, 2);
        pool("inception_3a/pool", from + 3, 3, 1, 1, Caffe.PoolingParameter.PoolMethod.MAX);
        branch("pool_proj", "inception_3a/pool", 3, 8, 1, 0);
        layer("inception_3a/output", "Concat",
                List.of("inception_3a/1x1", "inception_3a/3x3", "inception_3a/5x5", "inception_3a/pool_proj"), "inception_3a/output");
        split("inception_3a/output", 3);
        String out = "inception_3a/output_inception_3a/output_0_split_";
        pool("loss1/ave_pool", out + 0, 5, 3, 0, Caffe.PoolingParameter.PoolMethod.AVE);
        convolution("loss1/conv", "loss1/ave_pool", 4, 16, 1, 1, 0);
        relu("loss1/relu_conv", "loss1/conv");
        inner("loss1/fc", "loss1/conv", 7, 4 * 4 * 4);
        relu("loss1/relu_fc", "loss1/fc");
        dropout("loss1/drop_fc", "loss1/fc", 0.7f);
        scores("loss1", "loss1/fc", 7, 0.3f, 0);
        convolution("sum/3x3", out + 1, 16, 16, 3, 1, 1);
        layer("sum/output", "Eltwise", List.of("sum/3x3", out + 2), "sum/output");
        relu("sum/relu", "sum/output");
        pool("pool5/12x12_s1", "sum/output", 12, 1, 0, Caffe.PoolingParameter.PoolMethod.AVE);
        dropout("pool5/drop", "pool5/12x12_s1", 0.4f);
        scores("loss3", "pool5/12x12_s1", 16, 1, 1);
    }

    static Caffe.NetParameter trained() {
        return new CaffeInception().net.build();
    }

    /** As files were written before 2015. */
    static Caffe.NetParameter old() {
        return old(trained());
    }

    static Caffe.NetParameter old(Caffe.NetParameter today) {
        Caffe.NetParameter.Builder old = Caffe.NetParameter.newBuilder().setName(today.getName());
        for (Caffe.LayerParameter layer : today.getLayerList()) {
            old.addLayers(Caffe.V1LayerParameter.newBuilder().setName(layer.getName()).setType(OLD_TYPES.get(layer.getType()))
                    .addAllBottom(layer.getBottomList()).addAllTop(layer.getTopList()).addAllBlobs(layer.getBlobsList())
                    .addAllLossWeight(layer.getLossWeightList()).setTransformParam(layer.getTransformParam())
                    .setConvolutionParam(layer.getConvolutionParam()).setInnerProductParam(layer.getInnerProductParam())
                    .setLrnParam(layer.getLrnParam()).setPoolingParam(layer.getPoolingParam()).setDropoutParam(layer.getDropoutParam())
                    .setEltwiseParam(layer.getEltwiseParam()));
        }
        return old.build();
    }

    private Caffe.LayerParameter.Builder layer(String name, String type, List<String> bottoms, String... tops) {
        return net.addLayerBuilder().setName(name).setType(type).addAllBottom(bottoms).addAllTop(List.of(tops));
    }

    /** As Caffe names what it puts in where several layers take one blob. */
    private void split(String blob, int copies) {
        List<String> tops = new ArrayList<>();
        String producer = blob.equals("label") ? "data" : blob;
        int top = blob.equals("label") ? 1 : 0;
        for (int i = 0; i < copies; i++) {
            tops.add(blob + "_" + producer + "_" + top + "_split_" + i);
        }
        layer(blob + "_" + producer + "_" + top + "_split", "Split", List.of(blob), tops.toArray(String[]::new));
    }

    private void branch(String name, String bottom, int filters, int channels, int kernel, int pad) {
        convolution("inception_3a/" + name, bottom, filters, channels, kernel, 1, pad);
        relu("inception_3a/relu_" + name, "inception_3a/" + name);
    }

    private void convolution(String name, String bottom, int filters, int channels, int kernel, int stride, int pad) {
        layer(name, "Convolution", List.of(bottom), name)
                .setConvolutionParam(Caffe.ConvolutionParameter.newBuilder().setNumOutput(filters).addKernelSize(kernel).addStride(stride)
                        .addPad(pad))
                .addBlobs(blob(Math.sqrt(2.0 / (channels * kernel * kernel)), filters, channels, kernel, kernel))
                .addBlobs(blob(0.2, filters));
    }

    private void relu(String name, String blob) {
        layer(name, "ReLU", List.of(blob), blob);
    }

    private void dropout(String name, String blob, float rate) {
        layer(name, "Dropout", List.of(blob), blob).setDropoutParam(Caffe.DropoutParameter.newBuilder().setDropoutRatio(rate));
    }

    private void pool(String name, String bottom, int window, int stride, int pad, Caffe.PoolingParameter.PoolMethod method) {
        layer(name, "Pooling", List.of(bottom), name).setPoolingParam(
                Caffe.PoolingParameter.newBuilder().setPool(method).setKernelSize(window).setStride(stride).setPad(pad));
    }

    private void inner(String name, String bottom, int outputs, int inputs) {
        double deviation = name.endsWith("classifier") ? 0.004 : Math.sqrt(2.0 / inputs);
        layer(name, "InnerProduct", List.of(bottom), name)
                .setInnerProductParam(Caffe.InnerProductParameter.newBuilder().setNumOutput(outputs))
                .addBlobs(blob(deviation, outputs, inputs)).addBlobs(blob(0.1, outputs));
    }

    /** A classifier with its loss and its accuracy, which each get a copy of the scores and of the labels. */
    private void scores(String group, String bottom, int inputs, float weight, int label) {
        String classifier = group + "/classifier";
        inner(classifier, bottom, CLASSES, inputs);
        split(classifier, 2);
        String copy = classifier + "_" + classifier + "_0_split_";
        layer(group + "/loss", "SoftmaxWithLoss", List.of(copy + 0, "label_data_1_split_" + label), group + "/loss1")
                .addLossWeight(weight);
        layer(group + "/top-1", "Accuracy", List.of(copy + 1, "label_data_1_split_2"), group + "/top-1");
    }

    private Caffe.BlobProto blob(double deviation, Integer... sizes) {
        Caffe.BlobProto.Builder blob = Caffe.BlobProto.newBuilder()
                .setShape(Caffe.BlobShape.newBuilder().addAllDim(Arrays.stream(sizes).map(Integer::longValue).toList()));
        int elements = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
        for (int i = 0; i < elements; i++) {
            blob.addData((float) (deviation * random.nextGaussian()));
        }
        return blob.build();
    }
}
