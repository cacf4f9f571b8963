package duet.use;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

import duet.data.source.Datasets;
import duet.files.FileKind;
import duet.files.WholeFile;
import duet.model.CaffeImport;
import duet.model.ImportedModel;
import duet.model.MeanLevels;
import duet.model.ModelFileException;
import duet.model.OnnxExport;
import duet.model.OnnxImport;
import duet.model.Safetensors;
import duet.model.SafetensorsImport;
import duet.model.TrainedModel;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Shape;
import duet.train.output.Checkpoint;

/** Trained networks from and for other programs: ONNX, Caffe's caffemodel, safetensors. */
public final class ModelExchange {
    private static final int BUFFER_BYTES = 1 << 20;
    /** Caffe's means over ILSVRC-2012, red first. */
    private static final float[] CAFFE_MEAN = {122.67892f, 116.66877f, 104.00699f};

    private ModelExchange() {}

    /** Formats that other programs read. */
    public enum Format {
        /** see {@link OnnxExport} */
        ONNX,
        /** the parameters alone, by Duet's names */
        SAFETENSORS
    }

    /**
     * What a file does not say. Null or 0: what is usual for its format.
     *
     * @param blueFirst  whether the first layer wants the channels as blue, green, red; usual for Caffe
     * @param mean       levels to take off, red first
     * @param deviation  levels to divide by, red first
     * @param meanFile   a mean image of Caffe (binaryproto)
     * @param classNames in the order of the labels
     * @param side       height and width of the images
     * @param network    for weights without a network: makes it for that many channels and classes
     */
    public record ImportOptions(Boolean blueFirst, float[] mean, float[] deviation, Path meanFile, List<String> classNames, int side,
            BiFunction<Integer, Integer, Network> network) {
        public static final ImportOptions USUAL = new ImportOptions(null, null, null, null, null, 0, null);
    }

    /**
     * A network that was read, without the state of a training.
     *
     * @param checkpoint network and weights
     * @param notes      sentences for people: what was assumed
     */
    public record Imported(Checkpoint checkpoint, List<String> notes) {}

    /**
     * Writes a network for other programs; whatever goes wrong, a file that was there before is unharmed.
     *
     * @param checkpoint the trained network
     * @param format     of the file
     * @param file       replaced if it is there
     * @throws duet.train.schedule.TrainingException if it cannot be written
     */
    public static void export(Checkpoint checkpoint, Format format, Path file) {
        WholeFile.write(file, channel -> {
            if (format == Format.SAFETENSORS) {
                Safetensors.write(channel, Map.of(),
                        checkpoint.network().parameters().stream().map(parameter -> new Safetensors.Block(
                                parameter.name(), parameter.sizes(), () -> checkpoint.tensors().get(parameter.name()))).toList());
            } else {
                BufferedOutputStream stream = new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES);
                OnnxExport.write(stream, model(checkpoint), checkpoint.state() == null || checkpoint.state().options().dropout());
                stream.flush();
            }
        });
    }

    private static TrainedModel model(Checkpoint checkpoint) {
        return new TrainedModel(checkpoint.network(), checkpoint.classNames(), checkpoint.tensors(),
                new MeanLevels(checkpoint.stored(), checkpoint.tensors().get(Checkpoint.MEAN)));
    }

    /**
     * Reads a network by the end of its name: {@code .onnx}, {@code .caffemodel} or {@code .safetensors}.
     *
     * @param file    in one of the three formats
     * @param options what the file does not say
     * @return the network, and what was assumed
     * @throws ModelFileException naming the file and what is wrong with it
     */
    public static Imported read(Path file, ImportOptions options) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        try {
            boolean known = name.endsWith(".onnx") || name.endsWith(".caffemodel");
            Optional<String> mistaken = known ? FileKind.of(file) : Optional.empty();
            if (mistaken.isPresent()) {
                throw new ModelFileException(file + ": is " + mistaken.get());
            }
            if (name.endsWith(".onnx")) {
                return finish(file, OnnxImport.read(file), options, false);
            } else if (name.endsWith(".caffemodel")) {
                return finish(file, CaffeImport.read(file, options.side()), options, true);
            } else if (name.endsWith(".safetensors")) {
                return finish(file, SafetensorsImport.read(file, options.network()), options, false);
            }
        } catch (IndexOutOfBoundsException e) {
            throw new ModelFileException(file + ": is damaged: one of its nodes or layers has less than it needs", e);
        } catch (ArithmeticException | NegativeArraySizeException e) {
            throw new ModelFileException(file + ": is damaged: sizes that cannot be (" + e.getMessage() + ")", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        throw new ModelFileException(file + ": Duet reads .onnx, .caffemodel and .safetensors"
                + (name.endsWith(".pth") || name.endsWith(".pt") ? FileKind.Advice.PYTORCH : ""));
    }

    private static Imported finish(Path file, ImportedModel model, ImportOptions options, boolean caffe) throws IOException {
        Network network = model.network();
        int channels = network.input().channels();
        List<String> notes = new ArrayList<>(model.notes());
        boolean colour = channels == 3;
        boolean blueFirst = colour && (options.blueFirst() == null ? caffe : options.blueFirst());
        MeanLevels mean = mean(model, options, blueFirst);
        if (mean == null) {
            mean = caffe && colour ? MeanLevels.of(CAFFE_MEAN) : MeanLevels.of(new float[channels]);
            notes.add("the file does not say what is taken off the pixels; taken is " + describe(mean)
                    + " (red first) — give --mean or --mean-file if it was another");
        }
        float[] deviation = options.deviation() != null ? options.deviation() : model.deviation();
        check(file, "mean", mean.shape().channels(), channels);
        check(file, "std", deviation == null ? channels : deviation.length, channels);
        if (model.stored() == null && colour && options.blueFirst() == null && !caffe && deviation == null) {
            notes.add("channels are taken as red first and levels as 0 to 255, undivided — give --bgr for networks that come from Caffe, "
                    + "--mean 123.7,116.3,103.5 --std 58.4,57.1,57.4 for torchvision's");
        }
        boolean named = options.network() != null; // its scale is the network's own, not what the file's weights were trained with
        if (deviation != null && !named && network.inputScale() != 1) {
            throw new ModelFileException(
                    "%s: scales pixels by %s itself, so --std does not go with it".formatted(file, network.inputScale()));
        }
        Map<String, float[]> tensors = new LinkedHashMap<>(model.parameters());
        if (blueFirst || deviation != null) {
            for (Layer.Convolution first : firstLayers(file, network)) {
                tensors.computeIfPresent(first.name() + ".weight", (name, weight) -> prepared(
                        weight, channels, first.kernel() * first.kernel(), blueFirst, deviation, network.inputScale()));
            }
        }
        if (blueFirst) {
            notes.add("the first layer's weights are turned from blue, green, red to red, green, blue");
        }
        Shape stored = stored(file, network, model, mean);
        tensors.put(Checkpoint.MEAN, mean.isImage() ? mean.extended(stored).values() : mean.over(stored));
        List<String> classNames = options.classNames() != null ? options.classNames()
                : model.classNames() != null ? model.classNames()
                : IntStream.range(0, network.classes()).mapToObj(TrainedModel::numbered).toList();
        return new Imported(new Checkpoint(network, checked(file, network, classNames), stored, tensors, null), notes);
    }

    /** The network sees the centre of what is stored; a mean image that is no larger than that centre is extended. */
    private static Shape stored(Path file, Network network, ImportedModel model, MeanLevels mean) {
        Shape input = network.input();
        Shape usual = model.stored() != null ? model.stored() : Datasets.storedFor(input);
        Shape stored = mean.isImage() && !mean.shape().equals(input) ? mean.shape() : usual;
        if (stored.height() < input.height() || stored.width() < input.width()) {
            throw new ModelFileException("%s: a mean image of %s is smaller than the network's input %s".formatted(file, stored, input));
        }
        return stored;
    }

    private static List<String> checked(Path file, Network network, List<String> classNames) {
        if (classNames.size() != network.classes()) {
            throw new ModelFileException(
                    String.format(Locale.ROOT, "%s: has %d classes, but there are %d names", file, network.classes(), classNames.size()));
        }
        return classNames;
    }

    private static void check(Path file, String what, int found, int channels) {
        if (found != channels) {
            throw new ModelFileException(
                    String.format(Locale.ROOT, "%s: the images have %d channels, but the %s has %d levels", file, channels, what, found));
        }
    }

    /** What was given, or what the file says; red first. Null if neither. */
    private static MeanLevels mean(ImportedModel model, ImportOptions options, boolean blueFirst) throws IOException {
        if (options.mean() != null) {
            return MeanLevels.of(options.mean());
        }
        if (options.meanFile() != null) {
            MeanLevels image = CaffeImport.readMean(options.meanFile());
            check(options.meanFile(), "mean image", image.shape().channels(), model.network().input().channels());
            return reversed(image); // Caffe's are blue first whatever the network is
        }
        return model.mean() == null || !blueFirst ? model.mean() : reversed(model.mean());
    }

    private static MeanLevels reversed(MeanLevels mean) {
        int channels = mean.shape().channels();
        int area = mean.values().length / channels;
        float[] values = new float[mean.values().length];
        for (int channel = 0; channel < channels; channel++) {
            System.arraycopy(mean.values(), channel * area, values, (channels - 1 - channel) * area, area);
        }
        return new MeanLevels(mean.shape(), values);
    }

    private static String describe(MeanLevels mean) {
        List<String> levels = new ArrayList<>();
        for (float level : mean.values()) {
            levels.add(String.format(Locale.ROOT, "%.2f", level));
        }
        return String.join(", ", levels);
    }

    /** All that see the image. */
    private static List<Layer.Convolution> firstLayers(Path file, Network network) {
        List<Layer.Convolution> first = new ArrayList<>();
        for (Node node : network.nodes()) {
            if (!node.inputs().contains(Network.IMAGE)) {
                continue;
            }
            if (!(node.layer() instanceof Layer.Convolution convolution) || convolution.groups() != 1) {
                throw new ModelFileException(file + ": the order of channels and a deviation can only be taken into a first layer that is "
                        + "a convolution without groups, not " + node.name());
            }
            first.add(convolution);
        }
        return first;
    }

    /** [filters][channels][area] with the channels reversed and divided by the deviations, so that pixels need not be. */
    private static float[] prepared(float[] weight, int channels, int area, boolean blueFirst, float[] deviation, double inputScale) {
        float[] result = new float[weight.length];
        for (int i = 0; i < weight.length; i++) {
            int channel = i / area % channels;
            int to = blueFirst ? channels - 1 - channel : channel;
            double divisor = deviation == null ? 1 : deviation[to] * inputScale;
            result[i + (to - channel) * area] = (float) (weight[i] / divisor);
        }
        return result;
    }
}
