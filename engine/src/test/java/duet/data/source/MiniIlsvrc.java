package duet.data.source;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;

import duet.data.image.TestImages;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import us.hebi.matlab.mat.format.Mat5;
import us.hebi.matlab.mat.types.MatFile;
import us.hebi.matlab.mat.types.Sinks;
import us.hebi.matlab.mat.types.Struct;

/**
 * ILSVRC-2012 in small, in the structure of its real archives: 20 classes and an inner node of the tree, numbers that are not in the
 * order of the WNIDs, two classes of the same words, JPEGs of mixed sizes, and the oddities of the real ones: grey files, CMYK, a PNG
 * named JPEG, and a damaged file. The classes differ in colour and shape, so that a network can learn them.
 */
public final class MiniIlsvrc {
    public static final int CLASSES = 20;
    /** Of a class, the damaged one among them. */
    public static final int TRAINING_EACH = 12;
    public static final int VALIDATION = 60;
    /** The file that cannot be decoded, by class and number. */
    static final int DAMAGED_CLASS = 7;
    static final int DAMAGED_IMAGE = 3;

    private MiniIlsvrc() {}

    /** By label. */
    static String wnid(int label) {
        return "n%08d".formatted(1_440_764 + 1_000 * label);
    }

    static String words(int label) {
        return label == 4 || label == 11 ? "crane" : "kind " + label + ", Genus species" + label;
    }

    /** ILSVRC2012_ID of a label. */
    static int number(int label) {
        return 1 + (7 * label + 3) % CLASSES;
    }

    static int validationLabel(int image) {
        return (13 * image + 5) % CLASSES;
    }

    /** Writes the three archives to a folder. */
    public static void write(Path folder) throws IOException {
        Files.createDirectories(folder);
        Map<String, byte[]> training = new LinkedHashMap<>();
        // The order in the real archive is that of the WNIDs; readers must not count on it.
        for (int i = 0; i < CLASSES; i++) {
            int label = (i + 6) % CLASSES;
            Map<String, byte[]> images = new LinkedHashMap<>();
            for (int image = 0; image < TRAINING_EACH; image++) {
                images.put(wnid(label) + "_" + (1000 + 37 * image) + ".JPEG", file(label, image, label * 100 + image));
            }
            training.put(wnid(label) + ".tar", tar(images));
        }
        Files.write(folder.resolve(Ilsvrc.TRAINING), tar(training));
        Map<String, byte[]> validation = new LinkedHashMap<>();
        StringBuilder truth = new StringBuilder();
        for (int image = 0; image < VALIDATION; image++) {
            int label = validationLabel(image);
            validation.put("ILSVRC2012_val_%08d.JPEG".formatted(image + 1), jpeg(picture(label, 5000 + image)));
            truth.append(number(label)).append('\n');
        }
        Files.write(folder.resolve(Ilsvrc.VALIDATION), tar(validation));
        writeKit(folder, meta(), truth.toString());
    }

    static void writeKit(Path folder, byte[] meta, String truth) throws IOException {
        Map<String, byte[]> kit = new LinkedHashMap<>();
        kit.put("ILSVRC2012_devkit_t12/readme.txt", "in small".getBytes(StandardCharsets.US_ASCII));
        if (meta != null) {
            kit.put("ILSVRC2012_devkit_t12/data/meta.mat", meta);
        }
        if (truth != null) {
            kit.put("ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", truth.getBytes(StandardCharsets.US_ASCII));
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream out = new GZIPOutputStream(bytes)) {
            out.write(tar(kit));
        }
        Files.write(folder.resolve(Ilsvrc.DEVKIT), bytes.toByteArray());
    }

    /** The structure array of the real file: classes by number, then inner nodes. */
    static byte[] meta() throws IOException {
        Struct synsets = Mat5.newStruct(CLASSES + 1, 1);
        for (int label = 0; label < CLASSES; label++) {
            entry(synsets, number(label) - 1, number(label), wnid(label), words(label), 0);
        }
        entry(synsets, CLASSES, CLASSES + 1, "n00001740", "entity", CLASSES);
        MatFile file = Mat5.newMatFile().addArray("synsets", synsets);
        ByteBuffer bytes = ByteBuffer.allocate((int) file.getUncompressedSerializedSize() + 4096);
        // Compressed, as the real one is.
        Mat5.newWriter(Sinks.wrap(bytes)).setDeflateLevel(Deflater.BEST_SPEED).writeMat(file);
        return Arrays.copyOf(bytes.array(), bytes.position());
    }

    private static void entry(Struct synsets, int index, int number, String wnid, String words, int children) {
        synsets.set("ILSVRC2012_ID", index, Mat5.newScalar(number));
        synsets.set("WNID", index, Mat5.newString(wnid));
        synsets.set("words", index, Mat5.newString(words));
        synsets.set("gloss", index, Mat5.newString("something"));
        synsets.set("num_children", index, Mat5.newScalar(children));
        synsets.set("num_train_images", index, Mat5.newScalar(children == 0 ? TRAINING_EACH : 0));
    }

    static byte[] tar(Map<String, byte[]> files) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (TarArchiveOutputStream tar = new TarArchiveOutputStream(bytes)) {
            for (Map.Entry<String, byte[]> file : files.entrySet()) {
                TarArchiveEntry entry = new TarArchiveEntry(file.getKey());
                entry.setSize(file.getValue().length);
                tar.putArchiveEntry(entry);
                tar.write(file.getValue());
                tar.closeArchiveEntry();
            }
        }
        return bytes.toByteArray();
    }

    private static byte[] file(int label, int image, int seed) throws IOException {
        BufferedImage picture = picture(label, seed);
        if (label == DAMAGED_CLASS && image == DAMAGED_IMAGE) {
            byte[] whole = jpeg(picture);
            return Arrays.copyOf(whole, whole.length / 2);
        }
        if (label == 2 && image == 1) {
            return TestImages.write("png", picture);
        }
        if (label == 3 && image == 1) {
            try (InputStream cmyk = MiniIlsvrc.class.getResourceAsStream("/duet/data/image/cmyk.jpg")) {
                return cmyk.readAllBytes();
            }
        }
        if (image == 6) {
            BufferedImage grey = new BufferedImage(picture.getWidth(), picture.getHeight(), BufferedImage.TYPE_BYTE_GRAY);
            grey.createGraphics().drawImage(picture, 0, 0, null);
            return jpeg(grey);
        }
        return jpeg(picture);
    }

    private static byte[] jpeg(BufferedImage picture) {
        return TestImages.jpeg(picture, false);
    }

    /** A shape in the class's colour on a noisy ground, from 60 x 45 to 180 x 165 pixels. */
    private static BufferedImage picture(int label, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int width = 60 + random.nextInt(120);
        int height = 45 + random.nextInt(120);
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        graphics.setColor(Color.getHSBColor(random.nextInt(360) / 360f, 0.2f, 0.5f));
        graphics.fillRect(0, 0, width, height);
        graphics.setColor(Color.getHSBColor(label % 10 / 10f, 0.9f, 0.9f));
        int side = Math.min(width, height) * 2 / 3;
        int x = width / 2 - side / 2 + random.nextInt(-5, 6);
        int y = height / 2 - side / 2 + random.nextInt(-5, 6);
        if (label < CLASSES / 2) {
            graphics.fillOval(x, y, side, side);
        } else {
            graphics.fillRect(x, y, side / 3, side);
            graphics.fillRect(x + 2 * side / 3, y, side / 3, side);
        }
        graphics.dispose();
        return image;
    }

    /** Names of the classes, by label. */
    public static List<String> classNames() {
        List<String> names = new ArrayList<>();
        for (int label = 0; label < CLASSES; label++) {
            names.add(wnid(label) + " " + words(label));
        }
        return names;
    }
}
