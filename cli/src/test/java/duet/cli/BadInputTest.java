package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

import duet.cli.output.ExitCode;
import duet.model.Networks;
import duet.net.NetworkJson;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is wrong is told in one sentence, with a non-zero exit code, no stack trace, and without touching a file. */
class BadInputTest {
    @TempDir
    private static Path good;

    @TempDir
    private Path here;

    private static Path checkpoint;

    /** @param arguments of the command, made in a folder of the case's own */
    record Case(String name, int code, String sentence, Arguments arguments) {
        @Override
        public String toString() {
            return name;
        }
    }

    private interface Arguments {
        String in(Path folder) throws IOException;
    }

    @BeforeAll
    static void trainALittle() throws IOException {
        Path folder = good.resolve("run");
        Outcome outcome = Outcome.of(Runs.train(folder, 2, 0));
        assertEquals(0, outcome.code(), outcome::toString);
        try (var files = Files.list(folder)) {
            checkpoint = files.filter(file -> file.toString().endsWith(".safetensors")).findFirst().orElseThrow();
        }
    }

    static Stream<Case> cases() {
        List<Case> cases = new ArrayList<>();
        cases.addAll(options());
        cases.addAll(networks());
        cases.addAll(data());
        cases.addAll(folders());
        cases.addAll(checkpoints());
        cases.addAll(images());
        return cases.stream();
    }

    private static Case usage(String name, String sentence, String arguments) {
        return new Case(name, ExitCode.BAD_USAGE, sentence, folder -> arguments);
    }

    private static Case failure(String name, String sentence, Arguments arguments) {
        return new Case(name, ExitCode.FAILED, sentence, arguments);
    }

    private static List<Case> options() {
        return List.of(
                usage("unknown option", "unknown option '--bacth'", "train --bacth 8"),
                usage("unknown command", "unknown command 'tarin'", "tarin"),
                usage("batch 0", "0 is below 1", "train --batch 0"),
                usage("batch of words", "'many' is not a whole number", "train --batch many"),
                usage("rate NaN", "'NaN' is not a number above 0", "train --lr NaN"),
                usage("rate infinite", "'Infinity' is not a number above 0", "train --lr Infinity"),
                usage("rate below 0", "'-1' is not a number above 0", "train --lr -1"),
                usage("momentum 1.5", "'1.5' is not a number of at least 0 and below 1", "train --momentum 1.5"),
                usage("weight decay below 0", "'-0.1' is not a number of at least 0", "train --weight-decay -0.1"),
                usage("epochs 0", "0 is below 1", "train --epochs 0"),
                usage("steps too many", "99999999999999999999 is above", "train --steps 99999999999999999999"),
                usage("seed of words", "'lucky' is not a whole number", "train --seed lucky"),
                usage("rate policy",
                        "none of constant, steps:EPOCHS[:FACTOR], linear:EPOCHS, exponential:EPOCHS[:FACTOR], plateau[:PATIENCE]",
                        "train --lr-policy cosine"),
                usage("threads 0", "0 is below 1", "train --threads 0"),
                usage("unknown precision", "'fp16' is none of 'fp32', 'bf16'", "predict --precision fp16"),
                usage("unknown way to convolve", "'magic' is neither 'fastest' nor 'direct' nor 'winograd'",
                        "evaluate --convolutions magic"),
                usage("unknown mode", "'evaluation' is neither 'train' nor 'forward'", "plan --mode evaluation"),
                usage("a CPU's precision on the virtual GPU", "bf16-everywhere is for CPU devices",
                        "plan --devices virtual:0 --precision bf16-everywhere"),
                usage("a card's precision on the CPU", "bf16x3 is for CUDA devices", "plan --devices cpu --precision bf16x3"),
                usage("a batch of 64 for three devices", "use a multiple of 3", "train --devices cpu,cpu,cpu"),
                usage("parts that do not go on the devices", "they go on 1 or 3 devices", "plan --devices cpu,cpu --parts 3"),
                usage("placement against devices", "--placement towers needs 2 devices", "train --placement towers --devices cpu"),
                new Case("unknown device", ExitCode.BAD_USAGE, "gpu",
                        folder -> "train --data " + Runs.DATA + " --devices gpu --out " + folder.resolve("out")),
                usage("devices by number", "unknown device '4'", "plan --ranks 2 --devices 4"),
                usage("devices of two kinds", "do not work together", "plan --devices cpu,virtual:0"),
                usage("too many threads", "use 1 to 1024", "plan --devices cpu --threads 100000"),
                usage("placement against the network", "2 towers do not divide 1 group", "bench --net alexnet-caffe --placement towers"),
                usage("one class", "needs at least 2 classes", "networks alexnet --classes 1"),
                usage("unknown source to prepare", "is no data source", "data prepare imagenot packed"),
                usage("unknown source to look at", "is no data source", "data info imagenot"),
                usage("unknown ending to import", "must end in .onnx, .caffemodel or .safetensors", "import model.pb -o x"),
                usage("drawing and JSON", "--dot and --json exclude each other", "plan --dot --json"));
    }

    private static String train(Path folder, String more) {
        return "train --data " + Runs.DATA + " --devices cpu --steps 1 --out " + folder.resolve("out") + " " + more;
    }

    private static Path network(Path folder, String from, String to) throws IOException {
        String json = NetworkJson.write(Networks.create("alexnet-small", 1, 10));
        String changed = json.replaceFirst(from, to);
        assertFalse(json.equals(changed), from + " is not in " + json);
        return Files.writeString(folder.resolve("net.json"), changed);
    }

    private static List<Case> networks() {
        return List.of(
                usage("unknown network", "'lenet' is neither a network", "train --net lenet"),
                usage("misspelt network", "did you mean \"alexnet-small\"?", "train --net alexnet-smal"),
                usage("misspelt network to list", "did you mean \"zfnet\"?", "networks zfnt"),
                failure("missing network file", "missing.json", folder -> train(folder, "--net " + folder.resolve("missing.json"))),
                failure("bad JSON", "net.json",
                        folder -> train(folder, "--net " + Files.writeString(folder.resolve("net.json"), "{\"name\": "))),
                failure("unknown field", "strides", folder -> train(folder, "--net " + network(folder, "\"stride\"", "\"strides\""))),
                failure("unknown layer", "convolutoin",
                        folder -> train(folder, "--net " + network(folder, "\"convolution\"", "\"convolutoin\""))),
                failure("bad value", "-3", folder -> train(folder, "--net " + network(folder, "\"stride\" *: *\\d+", "\"stride\": -3"))),
                failure("huge stride", "a stride may be at most 64",
                        folder -> train(folder, "--net " + network(folder, "\"stride\" *: *\\d+", "\"stride\": 65536"))),
                failure("huge neighbourhood", "the size may be at most 1023",
                        folder -> train(folder, "--net " + network(folder, "\"size\" *: *\\d+", "\"size\": 200000001"))),
                failure("shapes that do not fit", "conv1",
                        folder -> train(folder, "--net " + network(folder, "\"kernel\" *: *\\d+", "\"kernel\": 99"))),
                new Case("wrong number of channels", ExitCode.BAD_USAGE, "3", folder -> train(folder,
                        "--net " + Files.writeString(folder.resolve("net.json"),
                                NetworkJson.write(Networks.create("alexnet-small", 3, 10))))),
                new Case("wrong number of classes", ExitCode.BAD_USAGE, "7", folder -> train(folder,
                        "--net " + Files.writeString(folder.resolve("net.json"),
                                NetworkJson.write(Networks.create("alexnet-small", 1, 7))))));
    }

    private static List<Case> data() {
        return List.of(
                new Case("unknown data", ExitCode.BAD_USAGE, "imagenot", folder -> "train --data imagenot --out " + folder.resolve("out")),
                new Case("badly described synthetic data", ExitCode.BAD_USAGE, "synthetic",
                        folder -> "train --data synthetic:3x227 --out " + folder.resolve("out")),
                failure("missing folder", "nowhere", folder -> "train --data folder:" + folder.resolve("nowhere")),
                failure("empty folder", "pictures", folder -> "train --data folder:" + Files.createDirectory(folder.resolve("pictures"))),
                failure("one class", "class", folder -> "train --data folder:" + Folders.pictures(folder.resolve("pictures"), 4, "cat")),
                failure("classes without pictures", "pictures", folder -> {
                    Files.createDirectories(folder.resolve("pictures/cat"));
                    Files.createDirectories(folder.resolve("pictures/dog"));
                    return "train --data folder:" + folder.resolve("pictures");
                }),
                failure("text named .jpg", "broken.jpg", folder -> {
                    Path pictures = Folders.pictures(folder.resolve("pictures"), 4, "cat", "dog");
                    Files.writeString(pictures.resolve("cat/broken.jpg"), "this is no picture");
                    return "train --strict --steps 3 --batch 8 --devices cpu --data folder:" + pictures + " --out " + folder.resolve("out");
                }),
                failure("no Fashion-MNIST", "fetch", folder -> "train --data fashion-mnist:" + folder),
                failure("truncated Fashion-MNIST", "train-labels-idx1-ubyte is truncated", folder -> {
                    for (String name : List.of("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")) {
                        Files.write(folder.resolve(name + "-ubyte"),
                                new byte[] {0, 0, 8, (byte) (name.contains("idx3") ? 3 : 1), 0, 0, 0, 9});
                    }
                    return "train --data fashion-mnist:" + folder;
                }),
                failure("fetch from nowhere", "localhost", folder -> "data fetch fashion-mnist --from http://localhost:1/ --to " + folder));
    }

    private static List<Case> folders() {
        return List.of(
                failure("output folder not empty", "already holds precious", folder -> {
                    Files.writeString(Files.createDirectory(folder.resolve("out")).resolve("precious"), "mine");
                    return train(folder, "");
                }),
                failure("output under a file", "file", folder -> "train --data " + Runs.DATA + " --steps 1 --devices cpu --out "
                        + Files.writeString(folder.resolve("file"), "mine") + "/out"),
                failure("output is a file", "out", folder -> {
                    Files.writeString(folder.resolve("out"), "mine");
                    return train(folder, "");
                }),
                failure("resume of nothing", "nowhere", folder -> "train --resume " + folder.resolve("nowhere")),
                failure("resume of an empty folder", "empty", folder -> "train --resume " + Files.createDirectory(folder.resolve("empty"))),
                new Case("resume with another batch", ExitCode.BAD_USAGE, "--batch and --lr",
                        folder -> "train --batch 3 --lr 1 --resume " + checkpoint),
                new Case("resume with an output folder", ExitCode.BAD_USAGE, "--out", folder -> "train --out x --resume " + checkpoint),
                new Case("resume on other data", ExitCode.BAD_USAGE, "10 classes",
                        folder -> "train --steps 4 --resume " + checkpoint + " --data synthetic:1x28x28:5"));
    }

    private static Path damaged(Path folder, int length, byte[] bytes) throws IOException {
        return Files.write(folder.resolve("damaged.safetensors"), Arrays.copyOf(bytes, length));
    }

    private static String header(byte[] file) {
        return new String(file, 8, headerLength(file), StandardCharsets.UTF_8);
    }

    private static int headerLength(byte[] file) {
        return (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    /** The good checkpoint with another header. */
    private static Path withHeader(Path folder, String header) throws IOException {
        byte[] file = Files.readAllBytes(checkpoint);
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        int old = headerLength(file);
        ByteBuffer changed = ByteBuffer.allocate(file.length - old + text.length).order(ByteOrder.LITTLE_ENDIAN);
        changed.putLong(text.length).put(text).put(file, 8 + old, file.length - 8 - old);
        return Files.write(folder.resolve("damaged.safetensors"), changed.array());
    }

    private static List<Case> checkpoints() {
        String predict = "predict --devices cpu picture.png --checkpoint ";
        return List.of(
                failure("truncated checkpoint", "damaged.safetensors", folder -> {
                    byte[] file = Files.readAllBytes(checkpoint);
                    return predict + damaged(folder, file.length / 2, file);
                }),
                failure("checkpoint cut in its header", "damaged.safetensors",
                        folder -> predict + damaged(folder, 100, Files.readAllBytes(checkpoint))),
                failure("empty checkpoint", "damaged.safetensors", folder -> predict + damaged(folder, 0, new byte[0])),
                failure("text for a checkpoint", "damaged.safetensors",
                        folder -> predict + Files.writeString(folder.resolve("damaged.safetensors"), "no tensors here")),
                failure("corrupt header", "damaged.safetensors", folder -> {
                    byte[] file = Files.readAllBytes(checkpoint);
                    file[20] ^= 0x55;
                    file[21] ^= 0x55;
                    return predict + damaged(folder, file.length, file);
                }),
                failure("offsets that lie", "damaged.safetensors", folder -> predict + withHeader(folder,
                        header(Files.readAllBytes(checkpoint)).replaceFirst("\"data_offsets\":\\[\\d+,\\d+\\]",
                                "\"data_offsets\":[0,99999999999]"))),
                failure("offsets that overlap", "damaged.safetensors", folder -> predict + withHeader(folder,
                        header(Files.readAllBytes(checkpoint)).replaceAll("\"data_offsets\":\\[\\d+,", "\"data_offsets\":[0,"))),
                failure("negative offsets", "damaged.safetensors", folder -> predict + withHeader(folder,
                        header(Files.readAllBytes(checkpoint)).replaceFirst("\"data_offsets\":\\[\\d+,", "\"data_offsets\":[-4,"))),
                failure("shape that lies", "damaged.safetensors", folder -> predict + withHeader(folder,
                        header(Files.readAllBytes(checkpoint)).replaceFirst("\"shape\":\\[\\d+", "\"shape\":[123457"))),
                failure("header longer than memory", "damaged.safetensors", folder -> {
                    byte[] file = Files.readAllBytes(checkpoint);
                    file[6] = 0x7f;
                    return predict + damaged(folder, file.length, file);
                }),
                failure("no checkpoint there", "nowhere", folder -> "evaluate --checkpoint " + folder.resolve("nowhere")),
                new Case("evaluation on other data", ExitCode.FAILED, "has the class class-10, which the network does not know",
                        folder -> "evaluate --devices cpu --data synthetic:1x28x28:12 --checkpoint " + checkpoint));
    }

    private static List<Case> images() {
        String predict = "predict --devices cpu --checkpoint " + checkpoint + " ";
        return List.of(
                failure("missing picture", "missing.png", folder -> predict + folder.resolve("missing.png")),
                failure("text for a picture", "text.jpg", folder -> predict + Files.writeString(folder.resolve("text.jpg"), "no picture")),
                failure("empty picture", "empty.png", folder -> predict + Files.createFile(folder.resolve("empty.png"))),
                failure("folder for a picture", "folder.png", folder -> predict + Files.createDirectory(folder.resolve("folder.png"))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isToldInOneSentence(Case bad) throws IOException {
        String[] arguments = bad.arguments().in(here).split(" +");
        var before = Folders.contents(here);
        var goodBefore = Folders.contents(good);
        Outcome outcome = Outcome.of(arguments);
        assertEquals(bad.code(), outcome.code(), outcome::toString);
        assertEquals(1, outcome.errLines().size(), outcome::toString);
        assertTrue(outcome.err().startsWith("duet: "), outcome::toString);
        assertTrue(outcome.err().contains(bad.sentence()), outcome::toString);
        assertFalse(outcome.err().contains("this is a bug"), outcome::toString);
        assertEquals(before, Folders.contents(here), "no file has changed");
        assertEquals(goodBefore, Folders.contents(good), "no file has changed");
    }
}
