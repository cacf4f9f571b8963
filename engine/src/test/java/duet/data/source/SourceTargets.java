package duet.data.source;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Split;
import duet.data.image.ImageFile;
import duet.data.image.ImageFile.Jpegs;
import duet.data.prepare.Preparation;
import duet.data.prepare.PreparationOptions;
import duet.data.shard.PreparationListener;
import duet.data.shard.ShardDataset;
import duet.data.shard.ShardFolder;
import duet.fuzz.Fuzz.Target;
import duet.fuzz.ModelTargets;
import duet.net.Shape;

/** Images, archives and what data are made of. */
public final class SourceTargets {
    private static final long MIB = 1 << 20;
    private static final Shape STORED = new Shape(3, 8, 8);

    private SourceTargets() {}

    /**
     * {@return the readers of data}
     *
     * @param folder for files
     */
    public static List<Target> of(Path folder) throws IOException {
        List<Target> targets = new ArrayList<>();
        List<byte[]> images = new ArrayList<>();
        try (Stream<Path> files = Files.list(Path.of("src/test/resources/formats"))) {
            for (Path file : files.filter(path -> !path.toString().endsWith(".rgb")).sorted().toList()) {
                images.add(Files.readAllBytes(file));
            }
        }
        images.add(Files.readAllBytes(Path.of("src/test/resources/duet/data/image/cmyk.jpg")));
        for (Jpegs jpegs : List.of(Jpegs.FASTEST, Jpegs.IMAGE_IO)) {
            targets.add(new Target(jpegs == Jpegs.FASTEST ? "image" : "image-io", false, images, 256 * MIB,
                    bytes -> ImageFile.decode(bytes, STORED, jpegs)));
        }
        targets.add(new Target("mat", false, List.of(MiniIlsvrc.meta()), 64 * MIB, SourceTargets::mat));
        targets.add(new Target("devkit", false, List.of(devkit(folder)), 64 * MIB,
                ModelTargets.file(folder.resolve("kit.tar.gz"), IlsvrcDevKit::read)));
        targets.add(new Target("tar", false, List.of(tar()), 16 * MIB, ModelTargets.file(folder.resolve("a.tar"), SourceTargets::tar)));
        List<byte[]> pickles = List.of(CifarFiles.pickled(1, 2), CifarFiles.names());
        targets.add(new Target("pickle", false, pickles, 16 * MIB, bytes -> Pickle.read("batch", bytes)));
        targets.add(new Target("cifar", false, pickles.subList(0, 1), 16 * MIB,
                bytes -> CifarBatch.pickled(CifarSet.CIFAR_10, "batch", bytes)));
        byte[] idx = IdxWriter.idx(new byte[2 * 5 * 4], 2, 5, 4);
        targets.add(new Target("idx", false, List.of(idx), 64 * MIB,
                ModelTargets.file(folder.resolve("images-idx3-ubyte"), file -> IdxFile.read(file, 3))));
        targets.add(new Target("idx-gzip", false, List.of(IdxWriter.gzip(idx)), 64 * MIB,
                ModelTargets.file(folder.resolve("images-idx3-ubyte.gz"), file -> IdxFile.read(file, 3))));
        targets.addAll(shards(folder.resolve("shards")));
        return targets;
    }

    private static byte[] devkit(Path folder) throws IOException {
        MiniIlsvrc.writeKit(folder, MiniIlsvrc.meta(), "1\n".repeat(MiniIlsvrc.VALIDATION));
        return Files.readAllBytes(folder.resolve(Ilsvrc.DEVKIT));
    }

    /** Who reads such a file puts its name before what is wrong. */
    private static void mat(byte[] bytes) {
        try {
            MatFile.structures(bytes, "synsets");
        } catch (IllegalArgumentException e) {
            throw new DataException(e.getMessage(), e);
        }
    }

    private static byte[] tar() throws IOException {
        Map<String, byte[]> files = new LinkedHashMap<>();
        files.put("a.txt", new byte[700]);
        files.put("folder/" + "long".repeat(20) + ".txt", new byte[30]);
        return MiniIlsvrc.tar(files);
    }

    private static void tar(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file)) {
            for (TarContents.Member member : TarContents.list(file.toString(), channel, TarContents.whole(file, channel))) {
                TarContents.read(channel, member);
            }
        }
    }

    private static List<Target> shards(Path folder) throws IOException {
        prepare(folder);
        Path manifest = folder.resolve("manifest.json");
        Path shard = folder.resolve(ShardFolder.shardName("training", 0));
        Path mean = folder.resolve("mean.safetensors");
        List<Target> targets = new ArrayList<>();
        for (Path file : List.of(manifest, shard, mean)) {
            byte[] sound = Files.readAllBytes(file);
            targets.add(new Target(file.equals(manifest) ? "manifest" : file.equals(shard) ? "shard" : "mean", file.equals(manifest),
                    List.of(sound), 16 * MIB, bytes -> {
                        Files.write(file, bytes);
                        try {
                            readShards(folder);
                        } finally {
                            Files.write(file, sound);
                        }
                    }));
        }
        return targets;
    }

    private static void prepare(Path folder) {
        Preparation.prepare("synthetic:3x8x8:2:12", folder, new PreparationOptions(0, 0, 0, 1, 1), DamageReport.STRICT,
                PreparationListener.SILENT);
    }

    private static void readShards(Path folder) {
        try (Split split = ShardDataset.open(new ShardFolder(folder))) {
            for (Dataset data : List.of(split.training(), split.validation())) {
                byte[] image = new byte[Math.toIntExact(data.stored().elements())];
                for (int i = 0; i < data.size(); i++) {
                    data.read(i, image, 0);
                }
                data.statistics();
            }
        }
    }
}
