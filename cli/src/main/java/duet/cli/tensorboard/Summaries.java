package duet.cli.tensorboard;

import java.awt.image.BufferedImage;
import java.io.IOException;

import com.google.protobuf.ByteString;
import duet.cli.tensorboard.proto.HParams.HParamsPluginData;
import duet.cli.tensorboard.proto.TensorBoard.DataType;
import duet.cli.tensorboard.proto.TensorBoard.Summary;
import duet.cli.tensorboard.proto.TensorBoard.SummaryMetadata;
import duet.cli.tensorboard.proto.TensorBoard.TensorProto;
import duet.cli.tensorboard.proto.TensorBoard.TensorShapeProto;
import duet.pictures.Pictures;

/** Values of a summary, each under its tag. */
final class Summaries {
    /** What TensorBoard calls three bytes a pixel. */
    private static final int RGB = 3;
    /** No numbers: of what has metadata alone. */
    private static final TensorProto NOTHING = TensorProto.newBuilder().setDtype(DataType.DT_FLOAT)
            .setTensorShape(TensorShapeProto.newBuilder().addDim(TensorShapeProto.Dim.newBuilder().setSize(0))).build();

    private Summaries() {}

    static Summary.Value scalar(String tag, double value) {
        return Summary.Value.newBuilder().setTag(tag).setSimpleValue((float) value).build();
    }

    static Summary.Value histogram(String tag, Histogram histogram) {
        return Summary.Value.newBuilder().setTag(tag).setHisto(histogram.toProto()).build();
    }

    static Summary.Value picture(String tag, BufferedImage picture) throws IOException {
        return Summary.Value.newBuilder().setTag(tag).setImage(Summary.Image.newBuilder().setWidth(picture.getWidth())
                .setHeight(picture.getHeight()).setColorspace(RGB).setEncodedImageString(ByteString.copyFrom(Pictures.png(picture))))
                .build();
    }

    /** @param kind such as {@code experiment}, the end of the tag that TensorBoard looks for */
    static Summary.Value hyperparameters(String kind, HParamsPluginData data) {
        return Summary.Value.newBuilder().setTag("_hparams_/" + kind).setTensor(NOTHING)
                .setMetadata(SummaryMetadata.newBuilder().setPluginData(SummaryMetadata.PluginData.newBuilder().setPluginName("hparams")
                        .setContent(data.toByteString())))
                .build();
    }
}
