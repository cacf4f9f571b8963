package duet.cli.commands;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;

import duet.cli.options.Numbers;
import duet.cli.options.Source;
import duet.cli.output.CommandFailure;
import duet.cli.output.ExitCode;
import duet.cli.output.LayerTable;
import duet.cli.output.Output;
import duet.net.Network;
import duet.text.Text;
import duet.train.output.Checkpoint;
import duet.use.ModelExchange;
import duet.use.ModelExchange.ImportOptions;
import duet.use.ModelExchange.Imported;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "import",
        description = {
                "Makes a checkpoint of another program's trained network: ONNX (.onnx), Caffe (.caffemodel), weights by torchvision's or "
                        + "Duet's names (.safetensors).",
                "Other channel orders and standard deviations are taken into the first layer's weights, so that the network sees red "
                        + "first and levels of 0 to 255."},
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet import bvlc_alexnet.caffemodel --mean-file imagenet_mean.binaryproto --classes synset_words.txt -o "
                        + "caffe.safetensors",
                "  ./duet import alexnet-owt-7be5be79.safetensors --net alexnet-owt -o torchvision.safetensors",
                "  ./duet import googlenet-1378be20.safetensors -o googlenet.safetensors",
                "  ./duet import alexnet.onnx --mean 123.7,116.3,103.5 --std 58.4,57.1,57.4 -o other.safetensors",
                "  ./duet predict caffe.safetensors cat.jpg"
        })
public final class ImportCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "FILE", description = "A file that ends in .onnx, .caffemodel or .safetensors.")
    private Path file;

    @Option(names = {"-o", "--output"}, paramLabel = "CHECKPOINT", required = true, description = "The checkpoint to write.")
    private Path target;

    @Option(names = "--net", paramLabel = "NET",
            description = "For .safetensors: the network, by name or as a JSON file (not for torchvision's GoogLeNet, which is known by "
                    + "the names of its tensors).")
    private String network;

    @Option(names = "--mean", paramLabel = "R,G,B", split = ",",
            description = "Levels (0 to 255) that are subtracted from the pixels (default: what the file says, or is usual for its "
                    + "format).")
    private float[] mean;

    @Option(names = "--std", paramLabel = "R,G,B", split = ",", description = "Levels that the pixels are divided by.")
    private float[] deviation;

    @Option(names = "--mean-file", paramLabel = "FILE", description = "Caffe's mean image (.binaryproto).")
    private Path meanFile;

    @Option(names = "--bgr", negatable = true, description = "Whether the first layer wants blue first (default: for Caffe only).")
    private Boolean blueFirst;

    @Option(names = "--side", paramLabel = "N", converter = Numbers.PositiveInteger.class,
            description = "Height and width of the images where a .caffemodel does not say them.")
    private Integer side;

    @Option(names = "--classes", paramLabel = "FILE",
            description = "Names of the classes, one on each line in the order of the labels (default: what the file says, or numbers).")
    private Path classes;

    @Mixin
    private Output output;

    @Override
    public Integer call() {
        if (mean != null && meanFile != null) {
            throw CommandFailure.usage("--mean and --mean-file exclude each other");
        }
        String name = file.getFileName() == null ? "" : file.getFileName().toString().toLowerCase(Locale.ROOT);
        if (Stream.of(".onnx", ".caffemodel", ".safetensors").noneMatch(name::endsWith)) {
            throw CommandFailure
                    .usage("'" + file + "' must end in .onnx, .caffemodel or .safetensors, which are the formats that are read");
        }
        if (network != null && !name.endsWith(".safetensors")) {
            throw CommandFailure.usage("--net is for .safetensors; " + file + " holds its network");
        }
        if (side != null && !name.endsWith(".caffemodel")) {
            throw CommandFailure.usage("--side is for a .caffemodel that does not say how large its images are");
        }
        Imported imported = ModelExchange.read(file,
                new ImportOptions(blueFirst, mean, divisors(), meanFile, classNames(), side == null ? 0 : side,
                        network == null ? null : (channels, count) -> Source.network(network, channels, count)));
        imported.notes().forEach(output::warn);
        Checkpoint checkpoint = imported.checkpoint();
        checkpoint.write(target);
        print(checkpoint.network());
        return ExitCode.DONE;
    }

    private float[] divisors() {
        for (int i = 0; deviation != null && i < deviation.length; i++) {
            if (!(deviation[i] > 0)) {
                throw CommandFailure.usage("--std must be levels above 0, not " + deviation[i]);
            }
        }
        return deviation;
    }

    private List<String> classNames() {
        if (classes == null) {
            return null;
        }
        try {
            return Files.readAllLines(classes).stream().map(String::strip).filter(line -> !line.isEmpty()).toList();
        } catch (CharacterCodingException e) {
            throw CommandFailure.usage(classes + " is not UTF-8 text");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void print(Network made) {
        LayerTable table = LayerTable.of(made);
        if (output.json()) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("file", target.toString());
            object.put("network", made.name());
            object.put("parameters", table.parameters());
            output.object(object);
        } else {
            output.result("%s: %s, %s for images of %s, %s".formatted(target, made.name(), Text.count(made.layers().size(), "layer"),
                    made.input(),
                    Text.count(made.classes()) + " classes"));
        }
    }
}
