package duet.model;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

import com.google.protobuf.InvalidProtocolBufferException;
import duet.device.Operation.Activation;
import duet.files.FileKind;
import duet.model.ImportedLayers.Value;
import duet.model.proto.Caffe;
import duet.model.proto.Caffe.BlobProto;
import duet.net.Layer;
import duet.net.Rounding;
import duet.net.Shape;
import duet.net.Window;

/**
 * Reads Caffe's trained networks ({@code bvlc_alexnet.caffemodel}, {@code bvlc_googlenet.caffemodel}): the file holds the layers as well
 * as the weights. Caffe's images are blue first, and its response normalisation divides alpha by the size. A chain gets Duet's usual names;
 * in other networks the layers keep their own.
 */
public final class CaffeImport {
    private final Path file;
    private final ImportedLayers network;
    /** By the names that the file has for them; a layer that works in place gives one a new meaning. */
    private final Map<String, Value> values = new HashMap<>();

    private CaffeImport(Path file, ImportedLayers network) {
        this.file = file;
        this.network = network;
    }

    /**
     * Reads a network with its weights.
     *
     * @param file a caffemodel
     * @param side height and width of the images where the file does not say them, else 0
     * @return network and weights, blue first
     * @throws ModelFileException naming the file, the layer and what Duet has no layer for
     * @throws IOException if the file cannot be read
     */
    public static ImportedModel read(Path file, int side) throws IOException {
        Caffe.NetParameter net = parse(file);
        List<CaffeLayer> layers = CaffeLayer.of(net);
        if (layers.stream().allMatch(layer -> layer.blobs().isEmpty())) {
            throw new ModelFileException(file + ": is no trained network of Caffe: it has no layer with weights"
                    + (net.getInputCount() > 0 || !layers.isEmpty() ? "; give the .caffemodel, not a description" : ""));
        }
        return new CaffeImport(file, new ImportedLayers(file.toString(), net.getName(), input(file, net, layers, side))).follow(net,
                layers);
    }

    private static Caffe.NetParameter parse(Path file) throws IOException {
        try (InputStream stream = Files.newInputStream(file)) {
            return Caffe.NetParameter.parseFrom(stream);
        } catch (InvalidProtocolBufferException e) {
            throw new ModelFileException(file + ": is no network of Caffe, or it is damaged", e);
        }
    }

    /**
     * Reads a mean image of Caffe (binaryproto), blue first.
     *
     * @param file a binaryproto
     * @return levels of 0 to 255
     * @throws IOException if the file cannot be read
     */
    public static MeanLevels readMean(Path file) throws IOException {
        Optional<String> mistaken = FileKind.of(file);
        if (mistaken.isPresent()) {
            throw new ModelFileException(file + ": is " + mistaken.get());
        }
        try (InputStream stream = Files.newInputStream(file)) {
            BlobProto blob = BlobProto.parseFrom(stream);
            List<Integer> sizes = CaffeLayer.sizes(blob);
            int dimensions = sizes.size();
            boolean image = dimensions >= 3 && sizes.subList(0, dimensions - 3).stream().allMatch(size -> size == 1);
            if (!image || CaffeLayer.elements(sizes) != blob.getDataCount() || blob.getDataCount() == 0) {
                throw new ModelFileException(String.format(Locale.ROOT,
                        "%s: is no mean image of Caffe: sizes %s, %d numbers", file, sizes, blob.getDataCount()));
            }
            return new MeanLevels(new Shape(sizes.get(dimensions - 3), sizes.get(dimensions - 2), sizes.get(dimensions - 1)),
                    CaffeLayer.floats(blob));
        } catch (InvalidProtocolBufferException e) {
            throw new ModelFileException(file + ": is no mean image of Caffe, or it is damaged", e);
        }
    }

    /** From the description of a deployed network, from the crop of one that was trained, or from the option. */
    private static Shape input(Path file, Caffe.NetParameter net, List<CaffeLayer> layers, int side) {
        List<Integer> sizes = List.of();
        if (net.getInputDimCount() == 4) {
            sizes = net.getInputDimList();
        } else if (net.getInputShapeCount() > 0) {
            sizes = net.getInputShape(0).getDimList().stream().map(Math::toIntExact).toList();
        } else {
            sizes = layers.stream().filter(layer -> !layer.inputSizes().isEmpty()).findFirst().map(CaffeLayer::inputSizes).orElse(sizes);
        }
        if (sizes.size() == 4) {
            return new Shape(sizes.get(1), sizes.get(2), sizes.get(3));
        }
        int crop = layers.stream().mapToInt(CaffeLayer::crop).filter(size -> size > 0).findFirst().orElse(side);
        if (crop == 0) {
            throw new ModelFileException(file + ": does not say how large its images are; give --side (227 for bvlc_alexnet)");
        }
        CaffeLayer first = layers.stream().filter(layer -> !layer.blobs().isEmpty()).findFirst().orElseThrow();
        List<Integer> weight = CaffeLayer.sizes(first.blobs().getFirst());
        if (!first.type().equals("Convolution") || weight.size() != 4) {
            throw new ModelFileException(file + ": the first layer with weights, " + first.name() + ", is no convolution");
        }
        return new Shape(weight.get(1) * first.convolution().getGroup(), crop, crop);
    }

    private ImportedModel follow(Caffe.NetParameter net, List<CaffeLayer> layers) {
        boolean chain = layers.stream().filter(CaffeLayer::isLoss).count() < 2
                && layers.stream().noneMatch(layer -> layer.type().equals("Concat") || layer.type().equals("Eltwise"));
        if (net.getInputCount() > 0) {
            values.put(net.getInput(0), network.image());
        }
        float[] mean = null;
        double scale = 1;
        List<String> notes = new ArrayList<>();
        Value last = network.image();
        for (CaffeLayer layer : layers) {
            if (layer.bottoms().isEmpty()) { // reads data
                if (!layer.tops().isEmpty()) {
                    values.put(layer.tops().getFirst(), network.image()); // not the labels
                }
                if (!layer.meanFile().isEmpty()) {
                    notes.add("it was trained less the mean image " + layer.meanFile() + ": --mean-file takes it");
                }
                mean = layer.mean() == null ? mean : layer.mean();
                scale = layer.scale();
            } else if (values.containsKey(layer.bottoms().getFirst()) && !layer.type().equals("Accuracy")
                    && !layer.type().equals("Silence")) {
                network.call(chain ? null : layer.name());
                Value made = add(layer);
                layer.tops().forEach(top -> values.put(top, made)); // several of Split alone
                last = made;
            } else if (!layer.blobs().isEmpty()) {
                throw refuse(layer, "its input " + layer.bottoms().getFirst() + " is made by no layer before it");
            }
        }
        if (!network.hasLoss()) {
            network.call(null);
            network.loss(last, 0);
        }
        int channels = network.input().channels();
        if (mean != null && mean.length == 1) {
            mean = repeated(mean[0], channels);
        }
        return network.end(scale, mean == null ? null : MeanLevels.of(mean), null, notes);
    }

    private static float[] repeated(float value, int count) {
        float[] values = new float[count];
        Arrays.fill(values, value);
        return values;
    }

    private ModelFileException refuse(CaffeLayer layer, String reason) {
        return new ModelFileException("%s: the layer %s (%s): %s".formatted(file, layer.name(), layer.type(), reason));
    }

    private Value add(CaffeLayer layer) {
        Value in = values.get(layer.bottoms().getFirst());
        return switch (layer.type()) {
            case "Convolution" -> convolution(layer, in);
            case "InnerProduct" -> innerProduct(layer, in);
            case "ReLU" -> relu(layer, in);
            case "TanH" -> network.nonlinearity(in, Activation.TANH);
            case "LRN" -> norm(layer, in);
            case "Pooling" -> pool(layer, in);
            case "Dropout" -> network.dropout(in, decimal(layer.dropout().getDropoutRatio()), true);
            case "Concat" -> concatenation(layer);
            case "Eltwise" -> sum(layer);
            case "Softmax" -> loss(in, 0);
            case "SoftmaxWithLoss" -> loss(in, layer.lossWeight());
            case "Split", "Flatten" -> in;
            default -> throw refuse(layer, "Duet has no such layer; it reads Convolution, InnerProduct, ReLU, TanH, LRN, Pooling, Concat, "
                    + "Eltwise (sums), Dropout and Softmax");
        };
    }

    private Value loss(Value in, double weight) {
        network.loss(in, weight);
        return in;
    }

    private Value relu(CaffeLayer layer, Value in) {
        if (layer.relu().getNegativeSlope() != 0) {
            throw refuse(layer, "a slope below 0 (negative_slope) is not supported");
        }
        return network.nonlinearity(in, Activation.RELU);
    }

    private List<Value> inputs(CaffeLayer layer) {
        for (String bottom : layer.bottoms()) {
            if (!values.containsKey(bottom)) {
                throw refuse(layer, "its input " + bottom + " is made by no layer before it");
            }
        }
        return layer.bottoms().stream().map(values::get).toList();
    }

    private Value concatenation(CaffeLayer layer) {
        Caffe.ConcatParameter p = layer.concat();
        int axis = p.hasConcatDim() ? p.getConcatDim() : p.getAxis();
        if (axis != 1 && axis != -3) {
            throw refuse(layer, "it joins along axis " + axis + ", but Duet joins channels (axis 1)");
        }
        List<Value> inputs = inputs(layer);
        return inputs.size() == 1 ? inputs.getFirst() : network.concatenation(inputs);
    }

    private Value sum(CaffeLayer layer) {
        Caffe.EltwiseParameter p = layer.eltwise();
        if (p.getOperation() != Caffe.EltwiseParameter.EltwiseOp.SUM || p.getCoeffList().stream().anyMatch(factor -> factor != 1)) {
            throw refuse(layer, "only sums without coefficients are supported");
        }
        List<Value> inputs = inputs(layer);
        return inputs.size() == 1 ? inputs.getFirst() : network.addition(inputs);
    }

    private float[] blob(CaffeLayer layer, int index) {
        if (index >= layer.blobs().size()) {
            throw refuse(layer, "its weights are missing: this is the description of a network, not a trained one");
        }
        return CaffeLayer.floats(layer.blobs().get(index));
    }

    private Value convolution(CaffeLayer layer, Value in) {
        Caffe.ConvolutionParameter p = layer.convolution();
        int kernel = same(layer, "kernel", p.getKernelSizeList(), p.getKernelH(), p.getKernelW(), 0);
        int stride = same(layer, "stride", p.getStrideList(), p.getStrideH(), p.getStrideW(), 1);
        int padding = same(layer, "pad", p.getPadList(), p.getPadH(), p.getPadW(), 0);
        if (p.getDilationList().stream().anyMatch(dilation -> dilation != 1)) {
            throw refuse(layer, "dilations are not supported");
        }
        return network.convolution(in, p.getNumOutput(), new Window(kernel, stride, padding), p.getGroup(), Rounding.FLOOR, blob(layer, 0),
                p.getBiasTerm() ? blob(layer, 1) : null);
    }

    /** One number for both directions: given once, for each direction, or by the two older fields. */
    private int same(CaffeLayer layer, String what, List<Integer> sizes, int height, int width, int otherwise) {
        List<Integer> given = sizes.isEmpty() ? height + width > 0 ? List.of(height, width) : List.of(otherwise) : sizes;
        if (given.stream().distinct().count() > 1) {
            throw refuse(layer, what + " is " + given + ", but Duet's windows are square");
        }
        return given.getFirst();
    }

    private Value innerProduct(CaffeLayer layer, Value in) {
        Caffe.InnerProductParameter p = layer.innerProduct();
        if (p.getTranspose()) {
            throw refuse(layer, "transposed weights are not supported");
        }
        return network.fullyConnected(in, p.getNumOutput(), blob(layer, 0), p.getBiasTerm() ? blob(layer, 1) : null);
    }

    private Value norm(CaffeLayer layer, Value in) {
        Caffe.LRNParameter p = layer.norm();
        if (p.getNormRegion() != Caffe.LRNParameter.NormRegion.ACROSS_CHANNELS) {
            throw refuse(layer, "only normalisation across channels is supported");
        }
        return network.norm(in, p.getLocalSize(), decimal(p.getAlpha()) / p.getLocalSize(), decimal(p.getBeta()), decimal(p.getK()), 1);
    }

    private static double decimal(float value) {
        return Double.parseDouble(Float.toString(value));
    }

    private Value pool(CaffeLayer layer, Value in) {
        Caffe.PoolingParameter p = layer.pooling();
        boolean max = p.getPool() == Caffe.PoolingParameter.PoolMethod.MAX;
        int window = p.getGlobalPooling() ? in.shape().height()
                : same(layer, "kernel", p.hasKernelSize() ? List.of(p.getKernelSize()) : List.of(), p.getKernelH(), p.getKernelW(), 0);
        int stride = same(layer, "stride", p.getStrideH() > 0 ? List.of() : List.of(p.getStride()), p.getStrideH(), p.getStrideW(), 1);
        int padding = same(layer, "pad", p.getPadH() > 0 ? List.of() : List.of(p.getPad()), p.getPadH(), p.getPadW(), 0);
        if (p.getPool() == Caffe.PoolingParameter.PoolMethod.STOCHASTIC || !max && padding > 0) {
            throw refuse(layer, "only max-pooling and average pooling without padding are supported");
        }
        boolean up = p.getRoundMode() == Caffe.PoolingParameter.RoundMode.CEIL;
        return network.pool(in, max ? Layer.Pooling.Kind.MAX : Layer.Pooling.Kind.AVERAGE, new Window(window, stride, padding),
                up ? Rounding.CEIL : Rounding.FLOOR);
    }
}
