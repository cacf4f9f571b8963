package duet.use;

import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

import duet.model.proto.Caffe;

/** Files of Caffe with the layers of bvlc_alexnet, but fewer filters and a smaller image: a test of the original would take minutes. */
public final class CaffeNetworks {
    static final int SIDE = 67;
    static final int CLASSES = 7;

    private final SplittableRandom random;

    /** A chain and a network with branches, each in the way of today and in that of before 2015. */
    public static List<byte[]> files() {
        CaffeNetworks networks = new CaffeNetworks(new SplittableRandom(1));
        return List.of(trained(networks.layers(false)).toByteArray(), old(networks.layers(true)).toByteArray(),
                CaffeInception.trained().toByteArray(), CaffeInception.old().toByteArray());
    }

    CaffeNetworks(SplittableRandom random) {
        this.random = random;
    }

    private Caffe.BlobProto blob(boolean old, double deviation, Integer... sizes) {
        Caffe.BlobProto.Builder blob = Caffe.BlobProto.newBuilder();
        int elements = Arrays.stream(sizes).reduce(1, Math::multiplyExact);
        for (int i = 0; i < elements; i++) {
            blob.addData((float) (deviation * random.nextGaussian()));
        }
        if (!old) {
            return blob.setShape(Caffe.BlobShape.newBuilder().addAllDim(Arrays.stream(sizes).map(Integer::longValue).toList())).build();
        }
        List<Integer> four = new ArrayList<>(Collections.nCopies(4 - sizes.length, 1));
        four.addAll(List.of(sizes));
        return blob.setNum(four.get(0)).setChannels(four.get(1)).setHeight(four.get(2)).setWidth(four.get(3)).build();
    }

    /** The layers of bvlc_alexnet in the way of 2015 and after: name, type, parameters, weights; ReLU and dropout work in place. */
    List<Caffe.LayerParameter.Builder> layers(boolean old) {
        List<Caffe.LayerParameter.Builder> layers = new ArrayList<>();
        layers.add(convolution(old, "conv1", "data", 8, 3, 11, 4, 0, 1));
        layers.add(plain("relu1", "ReLU", "conv1", "conv1"));
        layers.add(norm("norm1", "conv1"));
        layers.add(pool("pool1", "norm1"));
        layers.add(convolution(old, "conv2", "pool1", 12, 4, 5, 1, 2, 2));
        layers.add(plain("relu2", "ReLU", "conv2", "conv2"));
        layers.add(norm("norm2", "conv2"));
        layers.add(pool("pool2", "norm2"));
        layers.add(convolution(old, "conv3", "pool2", 16, 12, 3, 1, 1, 1));
        layers.add(plain("relu3", "ReLU", "conv3", "conv3"));
        layers.add(convolution(old, "conv4", "conv3", 16, 8, 3, 1, 1, 2));
        layers.add(plain("relu4", "ReLU", "conv4", "conv4"));
        layers.add(convolution(old, "conv5", "conv4", 12, 8, 3, 1, 1, 2));
        layers.add(plain("relu5", "ReLU", "conv5", "conv5"));
        layers.add(pool("pool5", "conv5"));
        layers.add(inner(old, "fc6", "pool5", 20, 12));
        layers.add(plain("relu6", "ReLU", "fc6", "fc6"));
        layers.add(plain("drop6", "Dropout", "fc6", "fc6").setDropoutParam(Caffe.DropoutParameter.newBuilder().setDropoutRatio(0.5f)));
        layers.add(inner(old, "fc7", "fc6", 20, 20));
        layers.add(plain("relu7", "ReLU", "fc7", "fc7"));
        layers.add(inner(old, "fc8", "fc7", CLASSES, 20));
        return layers;
    }

    static Caffe.LayerParameter.Builder plain(String name, String type, String bottom, String top) {
        return Caffe.LayerParameter.newBuilder().setName(name).setType(type).addBottom(bottom).addTop(top);
    }

    private Caffe.LayerParameter.Builder convolution(boolean old, String name, String bottom, int filters, int channels, int kernel,
            int stride, int pad, int group) {
        double deviation = Math.sqrt(2.0 / (channels * kernel * kernel));
        return plain(name, "Convolution", bottom, name)
                .setConvolutionParam(Caffe.ConvolutionParameter.newBuilder().setNumOutput(filters).addKernelSize(kernel).addStride(stride)
                        .addPad(pad).setGroup(group))
                .addBlobs(blob(old, deviation, filters, channels, kernel, kernel)).addBlobs(blob(old, 0.5, filters));
    }

    private Caffe.LayerParameter.Builder inner(boolean old, String name, String bottom, int outputs, int inputs) {
        double deviation = name.equals("fc8") ? 0.02 : Math.sqrt(2.0 / inputs);
        return plain(name, "InnerProduct", bottom, name)
                .setInnerProductParam(Caffe.InnerProductParameter.newBuilder().setNumOutput(outputs))
                .addBlobs(blob(old, deviation, outputs, inputs)).addBlobs(blob(old, 0.1, outputs));
    }

    private static Caffe.LayerParameter.Builder norm(String name, String bottom) {
        return plain(name, "LRN", bottom, name).setLrnParam(Caffe.LRNParameter.newBuilder().setLocalSize(5).setAlpha(1e-4f).setBeta(0.75f));
    }

    private static Caffe.LayerParameter.Builder pool(String name, String bottom) {
        return plain(name, "Pooling", bottom, name)
                .setPoolingParam(Caffe.PoolingParameter.newBuilder().setKernelSize(3).setStride(2));
    }

    /** As it was trained: a data layer that crops, a copy of the scores for the accuracy, the loss. */
    static Caffe.NetParameter trained(List<Caffe.LayerParameter.Builder> layers) {
        Caffe.NetParameter.Builder net = Caffe.NetParameter.newBuilder().setName("AlexNet");
        net.addLayer(Caffe.LayerParameter.newBuilder().setName("data").setType("Data").addTop("data").addTop("label")
                .setTransformParam(Caffe.TransformationParameter.newBuilder().setCropSize(SIDE)));
        net.addLayer(plain("label_data_1_split", "Split", "label", "label_0").addTop("label_1"));
        layers.forEach(net::addLayer);
        net.addLayer(plain("fc8_split", "Split", "fc8", "fc8_0").addTop("fc8_1"));
        net.addLayer(plain("accuracy", "Accuracy", "fc8_0", "accuracy").addBottom("label"));
        net.addLayer(plain("loss", "SoftmaxWithLoss", "fc8_1", "loss").addBottom("label"));
        return net.build();
    }

    /** As bvlc_alexnet.caffemodel was written in 2014, with numbers for types. */
    static Caffe.NetParameter old(List<Caffe.LayerParameter.Builder> layers) {
        Map<String, Integer> numbers = Map.of("Convolution", 4, "ReLU", 18, "LRN", 15, "Pooling", 17, "InnerProduct", 14, "Dropout", 6);
        Caffe.NetParameter.Builder net = Caffe.NetParameter.newBuilder().setName("CaffeNet of old");
        net.addLayers(Caffe.V1LayerParameter.newBuilder().setName("data").setType(5).addTop("data").addTop("label")
                .setDataParam(Caffe.OldDataParameter.newBuilder().setCropSize(SIDE).setMeanFile("imagenet_mean.binaryproto")));
        for (Caffe.LayerParameter.Builder layer : layers) {
            net.addLayers(Caffe.V1LayerParameter.newBuilder().setName(layer.getName()).setType(numbers.get(layer.getType()))
                    .addAllBottom(layer.getBottomList())
                    .addAllTop(layer.getTopList()).addAllBlobs(layer.getBlobsList()).setConvolutionParam(layer.getConvolutionParam())
                    .setInnerProductParam(layer.getInnerProductParam()).setLrnParam(layer.getLrnParam())
                    .setPoolingParam(layer.getPoolingParam())
                    .setDropoutParam(layer.getDropoutParam()));
        }
        net.addLayers(Caffe.V1LayerParameter.newBuilder().setName("prob").setType(20).addBottom("fc8").addTop("prob"));
        return net.build();
    }
}
