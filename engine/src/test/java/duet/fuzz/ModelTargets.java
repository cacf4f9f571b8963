package duet.fuzz;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

import duet.data.Split;
import duet.fuzz.Fuzz.Reader;
import duet.fuzz.Fuzz.Target;
import duet.model.CaffeImport;
import duet.model.Networks;
import duet.model.Safetensors;
import duet.model.proto.Caffe;
import duet.net.NetworkJson;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.Trainer;
import duet.train.output.Checkpoint;
import duet.train.output.MetricsLog;
import duet.train.output.TrainingListener;
import duet.train.schedule.Schedules;
import duet.use.CaffeNetworks;
import duet.use.ModelExchange;
import duet.use.ModelExchange.ImportOptions;

/** Networks, checkpoints and what trainings write. */
public final class ModelTargets {
    private static final long MIB = 1 << 20;

    private ModelTargets() {}

    /**
     * {@return a reader of a file of that name}
     *
     * @param file   is written for each try
     * @param reader reads it
     */
    public static Reader file(Path file, FileReader reader) {
        return bytes -> {
            Files.write(file, bytes);
            reader.read(file);
        };
    }

    /** Reads a file that lies on a disk. */
    @FunctionalInterface
    public interface FileReader {
        /**
         * Reads it.
         *
         * @param file with the bytes to be tried
         * @throws Exception of any kind
         */
        void read(Path file) throws Exception;
    }

    static List<Target> of(Path folder) throws Exception {
        Path run = folder.resolve("run");
        try (var backend = Tiny.backend(1);
                Trainer trainer = Trainer.create(Tiny.network(), Placement.ONE_DEVICE, backend, new Split(
                        new Tiny.Patterns(16, Tiny.CLASSES, 1), new Tiny.Patterns(8, Tiny.CLASSES, 2)),
                        Tiny.options().toBuilder().epochs(2).output(run).build())) {
            trainer.train(TrainingListener.SILENT);
        }
        byte[] checkpoint;
        try (Stream<Path> files = Files.list(run)) {
            checkpoint = Files.readAllBytes(files.filter(file -> file.toString().endsWith(".safetensors")).sorted().toList().getLast());
        }
        // without checksums, which find nearly every change
        byte[] unchecked = new String(checkpoint, StandardCharsets.ISO_8859_1).replaceFirst("crc32c", "crc32x")
                .getBytes(StandardCharsets.ISO_8859_1);
        List<byte[]> onnx = new ArrayList<>();
        try (Stream<Path> files = Files.list(Path.of("src/test/resources/onnx"))) {
            for (Path file : files.filter(path -> !path.endsWith("even.onnx")).sorted().toList()) { // that one is refused
                onnx.add(Files.readAllBytes(file));
            }
        }
        Path exported = folder.resolve("own.onnx");
        ModelExchange.export(Checkpoint.read(run), ModelExchange.Format.ONNX, exported);
        onnx.add(Files.readAllBytes(exported));
        List<byte[]> networks = Networks.names().stream()
                .map(name -> NetworkJson.write(Networks.create(name)).getBytes(StandardCharsets.UTF_8)).toList();
        byte[] mean = Caffe.BlobProto.newBuilder().setNum(1).setChannels(3).setHeight(4).setWidth(4)
                .addAllData(java.util.Collections.nCopies(48, 100f)).build().toByteArray();
        ImportOptions named = new ImportOptions(null, null, null, null, null, 0, (channels, classes) -> Tiny.network());
        return List.of(
                new Target("safetensors", true, List.of(checkpoint, unchecked), 32 * MIB,
                        file(folder.resolve("s.safetensors"), ModelTargets::tensors)),
                new Target("weights", true, List.of(checkpoint, unchecked), 32 * MIB,
                        file(folder.resolve("w.safetensors"), file -> ModelExchange.read(file, named))),
                new Target("torchvision", true,
                        List.of(Files.readAllBytes(Path.of("src/test/resources/torchvision/googlenet.safetensors"))),
                        64 * MIB, file(folder.resolve("t.safetensors"), file -> ModelExchange.read(file, ImportOptions.USUAL))),
                new Target("checkpoint", true, List.of(checkpoint, unchecked, unchecked), 32 * MIB,
                        file(folder.resolve("c.safetensors"), Checkpoint::read)),
                new Target("onnx", false, onnx, 64 * MIB,
                        file(folder.resolve("o.onnx"), file -> ModelExchange.read(file, ImportOptions.USUAL))),
                new Target("caffemodel", false, CaffeNetworks.files(), 64 * MIB,
                        file(folder.resolve("c.caffemodel"), file -> ModelExchange.read(file, ImportOptions.USUAL))),
                new Target("binaryproto", false, List.of(mean), 16 * MIB, file(folder.resolve("m.binaryproto"), CaffeImport::readMean)),
                new Target("network", true, networks, 32 * MIB,
                        bytes -> NetworkJson.parse(new String(bytes, StandardCharsets.ISO_8859_1), "net.json")),
                new Target("schedule", true, schedules(), 16 * MIB, file(folder.resolve("s.json"), Schedules::read)),
                new Target("metrics", true, List.of(Files.readAllBytes(run.resolve(MetricsLog.FILE))), 16 * MIB,
                        file(folder.resolve("m.jsonl"), file -> MetricsLog.read(file, metrics -> {}))));
    }

    private static void tensors(Path file) throws IOException {
        try (Safetensors tensors = Safetensors.open(file)) {
            for (Safetensors.Entry entry : tensors.entries().values()) {
                if (entry.type() == Safetensors.Type.F32) {
                    tensors.floats(entry.name());
                }
            }
        }
    }

    private static List<byte[]> schedules() throws IOException {
        List<byte[]> schedules = new ArrayList<>();
        for (String name : Schedules.names()) {
            try (var in = Schedules.class.getResourceAsStream(name + ".json")) {
                schedules.add(in.readAllBytes());
            }
        }
        return schedules;
    }
}
