package duet.model;

import java.util.List;

import duet.model.proto.Caffe;
import duet.model.proto.Caffe.BlobProto;

/**
 * A layer of a Caffe network, whichever of the two ways the file has to write it.
 *
 * @param type as files write it since 2015, such as {@code InnerProduct}
 */
record CaffeLayer(
        String name, String type, List<String> bottoms, List<String> tops, List<BlobProto> blobs, Caffe.TransformationParameter transform,
        Caffe.ConvolutionParameter convolution, Caffe.InnerProductParameter innerProduct, Caffe.LRNParameter norm,
        Caffe.PoolingParameter pooling,
        Caffe.DropoutParameter dropout, Caffe.ReLUParameter relu, Caffe.ConcatParameter concat, Caffe.EltwiseParameter eltwise,
        List<Float> lossWeights, List<Integer> inputSizes) {

    static List<CaffeLayer> of(Caffe.NetParameter net) {
        return net.getLayerCount() > 0 ? net.getLayerList().stream().map(CaffeLayer::of).toList()
                : net.getLayersList().stream().map(CaffeLayer::of).toList();
    }

    private static CaffeLayer of(Caffe.LayerParameter p) {
        List<Integer> sizes = p.getInputParam().getShapeCount() == 0 ? List.of()
                : p.getInputParam().getShape(0).getDimList().stream().map(Math::toIntExact).toList();
        return new CaffeLayer(p.getName(), p.getType(), p.getBottomList(), p.getTopList(), p.getBlobsList(), p.getTransformParam(),
                p.getConvolutionParam(), p.getInnerProductParam(), p.getLrnParam(), p.getPoolingParam(), p.getDropoutParam(),
                p.getReluParam(), p.getConcatParam(), p.getEltwiseParam(), p.getLossWeightList(), sizes);
    }

    private static CaffeLayer of(Caffe.V1LayerParameter p) {
        return new CaffeLayer(p.getName(), type(p.getType()), p.getBottomList(), p.getTopList(), p.getBlobsList(), transform(p),
                p.getConvolutionParam(), p.getInnerProductParam(), p.getLrnParam(), p.getPoolingParam(), p.getDropoutParam(),
                p.getReluParam(), p.getConcatParam(), p.getEltwiseParam(), p.getLossWeightList(), List.of());
    }

    /** The first files of this kind say how images are prepared where they say what is read: bvlc_alexnet and CaffeNet do. */
    private static Caffe.TransformationParameter transform(Caffe.V1LayerParameter p) {
        Caffe.OldDataParameter old = p.hasDataParam() ? p.getDataParam() : p.hasImageDataParam() ? p.getImageDataParam()
                : p.getWindowDataParam();
        Caffe.TransformationParameter.Builder transform = p.getTransformParam().toBuilder();
        if (old.hasScale()) {
            transform.setScale(old.getScale());
        }
        if (old.hasCropSize()) {
            transform.setCropSize(old.getCropSize());
        }
        if (old.hasMeanFile()) {
            transform.setMeanFile(old.getMeanFile());
        }
        return transform.build();
    }

    /** The older files number the types. */
    private static String type(int number) {
        return switch (number) {
            case 1 -> "Accuracy";
            case 3 -> "Concat";
            case 4 -> "Convolution";
            case 5, 9, 12, 24, 29, 32 -> "Data";
            case 6 -> "Dropout";
            case 8 -> "Flatten";
            case 14 -> "InnerProduct";
            case 15 -> "LRN";
            case 17 -> "Pooling";
            case 18 -> "ReLU";
            case 20 -> "Softmax";
            case 21 -> "SoftmaxWithLoss";
            case 22 -> "Split";
            case 23 -> "TanH";
            case 25 -> "Eltwise";
            case 36 -> "Silence";
            default -> "type " + number + " of the old format";
        };
    }

    boolean isLoss() {
        return type.equals("SoftmaxWithLoss");
    }

    /** What a loss counts: 0 for none. */
    double lossWeight() {
        double weight = lossWeights.isEmpty() ? 1 : Double.parseDouble(Float.toString(lossWeights.getFirst()));
        return weight > 0 ? weight : 0;
    }

    int crop() {
        return transform.getCropSize();
    }

    double scale() {
        return Double.parseDouble(Float.toString(transform.getScale()));
    }

    /** The mean image that it was trained with; empty if the file says none. */
    String meanFile() {
        return transform.getMeanFile();
    }

    /** Levels that are taken off, one or one for each channel; null for none. */
    float[] mean() {
        float[] levels = new float[transform.getMeanValueCount()];
        for (int i = 0; i < levels.length; i++) {
            levels[i] = transform.getMeanValue(i);
        }
        return levels.length == 0 ? null : levels;
    }

    /** Older files always have four sizes, with ones in front. */
    static List<Integer> sizes(BlobProto blob) {
        return blob.hasShape() ? blob.getShape().getDimList().stream().map(Math::toIntExact).toList()
                : List.of(blob.getNum(), blob.getChannels(), blob.getHeight(), blob.getWidth());
    }

    static long elements(List<Integer> sizes) {
        return sizes.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
    }

    static float[] floats(BlobProto blob) {
        boolean single = blob.getDataCount() > 0;
        float[] values = new float[single ? blob.getDataCount() : blob.getDoubleDataCount()];
        for (int i = 0; i < values.length; i++) {
            values[i] = single ? blob.getData(i) : (float) blob.getDoubleData(i);
        }
        return values;
    }
}
