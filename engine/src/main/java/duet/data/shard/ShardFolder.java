package duet.data.shard;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.data.DataException;
import duet.data.Fingerprinted;
import duet.data.ImageStatistics;
import duet.files.Reasons;
import duet.files.WholeFile;
import duet.json.Nullable;
import duet.json.StrictJson;
import duet.model.Safetensors;
import duet.model.SafetensorsException;
import duet.net.Shape;

/**
 * A folder of prepared images: {@code preparation.json} (what is to be made, written first), {@code training-00000.shard} and so on,
 * {@code mean.safetensors}, {@code mean.png}, and {@code manifest.json}, written last: with it the folder is complete.
 *
 * @param folder where the files are
 */
public record ShardFolder(Path folder) {
    public static final String FORMAT = "duet shards";
    private static final String ORDER = "preparation.json";
    private static final String MANIFEST = "manifest.json";
    private static final String MEAN = "mean.safetensors";
    private static final String TENSOR = "mean";
    private static final JsonMapper JSON = JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

    /**
     * What is to be made. A folder holds what comes from one order; the source's name is for people, its fingerprint decides.
     *
     * @param format      name of the format
     * @param version     of the format
     * @param source      as it was named
     * @param fingerprint of names, labels and number of the source's images
     * @param seed        of the held-out share
     * @param stored      size of each image
     * @param encoding    {@code bytes} or {@code jpeg}
     * @param quality     1 to 100; 0 for bytes
     * @param shardImages images of the source in a shard
     * @param classes     names; a label is an index into them
     * @param training    images of the source to learn from
     * @param validation  images of the source to validate with
     */
    public record Order(String format, int version, String source, String fingerprint, long seed, Shape stored, String encoding,
            int quality,
            int shardImages, List<String> classes, int training, int validation) {
        /** {@return whether images are stored as JPEG files} */
        public boolean jpeg() {
            return encoding.equals("jpeg");
        }

        /** {@return all but the source's name in words that are equal for the same order} */
        public String words() {
            return training + " + " + validation + " images, fingerprint " + fingerprint + ", seed " + seed + ", stored as " + stored + " "
                    + encoding + (jpeg() ? " of quality " + quality : "") + ", " + shardImages + " in a shard";
        }

        private Order named(String name) {
            return new Order(format, version, name, fingerprint, seed, stored, encoding, quality, shardImages, classes, training,
                    validation);
        }

        /**
         * {@return what differs from another order, in words; null if nothing does}
         *
         * @param other such as the one that a folder was begun with
         */
        public String difference(Order other) {
            if (named("").equals(other.named(""))) {
                return null;
            }
            return !stored.equals(other.stored) ? "images of " + stored + ", not " + other.stored
                    : !encoding.equals(other.encoding) ? "encoding " + encoding + ", not " + other.encoding
                    : quality != other.quality ? "JPEG quality " + quality + ", not " + other.quality
                    : shardImages != other.shardImages ? shardImages + " images in a shard, not " + other.shardImages
                    : seed != other.seed ? "seed " + seed + ", not " + other.seed
                    : "another source (" + source + ", " + training + " + " + validation + " images), not " + other.source + " ("
                            + other.training + " + " + other.validation + ")";
        }
    }

    /**
     * One shard in the manifest.
     *
     * @param file     its name in the folder
     * @param images   in the shard
     * @param bytes    of the file
     * @param checksum CRC32C of the shard's header and index, in hexadecimal
     */
    public record Entry(String file, int images, long bytes, String checksum) {
        /** Throws an {@link IllegalArgumentException} if the name is not a plain one: a manifest leads to no other folder. */
        public Entry {
            if (!file.matches("[A-Za-z0-9._-]+")) {
                throw new IllegalArgumentException("\"file\" must be the plain name of a shard, not \"" + file + "\"");
            }
        }
    }

    record Part(int images, int damaged, List<Entry> shards) {}

    /**
     * What is known of the training images, in the manifest.
     *
     * @param images     they were taken over
     * @param meanColour [channels]
     * @param covariance of the colours over all pixels of the training set, or null
     * @param variances  eigenvalues of the covariance, the largest first
     * @param axes       eigenvectors, [axis][channel]
     * @param meanImage  CRC32C of mean.safetensors, in hexadecimal
     */
    public record Statistics(long images, double[] meanColour, @Nullable double[][] covariance, double[] variances, double[][] axes,
            String meanImage) {}

    /**
     * What a finished folder holds.
     *
     * @param preparation what was ordered
     * @param training    shards of the images to learn from
     * @param validation  shards of the images to validate with
     * @param statistics  of the training images
     */
    public record Manifest(Order preparation, Part training, Part validation, Statistics statistics) {}

    /**
     * {@return the path of a file in this folder}
     *
     * @param name of the file
     */
    public Path file(String name) {
        return folder.resolve(name);
    }

    /**
     * {@return the name of a shard, such as {@code training-00000.shard}}
     *
     * @param part   {@code training} or {@code validation}
     * @param number from 0
     */
    public static String shardName(String part, int number) {
        return String.format(Locale.ROOT, "%s-%05d.shard", part, number);
    }

    /**
     * {@return what is to be made here; null if nothing was begun}
     *
     * @throws DataException if the file is damaged
     */
    public Order readOrder() {
        return Files.exists(file(ORDER)) ? parse(ORDER, Order.class, read(ORDER)) : null;
    }

    /**
     * Writes what is to be made, before the first shard.
     *
     * @param order replaces one that is there
     */
    public void write(Order order) {
        write(ORDER, json(order));
    }

    /**
     * Writes the manifest; with it the folder is complete.
     *
     * @param manifest what has been made
     */
    public void write(Manifest manifest) {
        write(MANIFEST, json(manifest));
    }

    void removeManifest() throws IOException {
        Files.deleteIfExists(file(MANIFEST));
    }

    private void write(String name, byte[] bytes) {
        WholeFile.write(file(name), bytes);
    }

    private static byte[] json(Object value) {
        try {
            return (JSON.writeValueAsString(value) + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Reads the manifest.
     *
     * @return what the folder holds
     * @throws DataException if there is none, or it is damaged, with the way out
     */
    public Manifest readManifest() {
        if (!Files.isDirectory(folder)) {
            throw new DataException("there is no folder " + folder + ": make it by ./duet data prepare SOURCE " + folder);
        }
        if (!Files.exists(file(MANIFEST))) {
            throw new DataException(Files.exists(file(ORDER))
                    ? "the preparation of " + folder
                            + " is not finished: run the same ./duet data prepare again, it goes on where it stopped"
                    : folder + " holds no prepared images (" + MANIFEST + "): make them by ./duet data prepare SOURCE " + folder);
        }
        return parse(MANIFEST, Manifest.class, read(MANIFEST));
    }

    private byte[] read(String name) {
        try {
            return Files.readAllBytes(file(name));
        } catch (NoSuchFileException e) {
            throw new DataException(file(name) + " is missing: run the same ./duet data prepare again", e);
        } catch (IOException e) {
            throw new DataException(file(name) + " cannot be read: " + Reasons.of(e), e);
        }
    }

    private <T> T parse(String name, Class<T> type, byte[] bytes) {
        StrictJson json = new StrictJson(file(name) + " is damaged",
                message -> new DataException(message + "; delete it and run the same ./duet data prepare again"));
        JsonNode tree = json.tree(new String(bytes, StandardCharsets.UTF_8));
        JsonNode order = tree.has("preparation") ? tree.get("preparation") : tree;
        int version = order.path("version").asInt(-1);
        if (!order.path("format").asText().equals(FORMAT)) {
            throw new DataException(file(name) + " does not describe prepared images (its format is not \"" + FORMAT + "\")");
        }
        if (version != ShardFormat.VERSION) {
            throw new DataException(String.format(Locale.ROOT,
                    "%s is of version %d, but this program reads version %d: prepare the source again into another folder",
                    file(name), version, ShardFormat.VERSION));
        }
        return json.read(tree, type);
    }

    /**
     * Writes the mean image, as {@code mean.safetensors} and to look at.
     *
     * @param mean   [channels][height][width], levels of 0 to 255
     * @param stored size of the image
     * @return the CRC32C of the file, in hexadecimal
     */
    public String writeMean(float[] mean, Shape stored) {
        List<Integer> sizes = List.of(stored.channels(), stored.height(), stored.width());
        WholeFile.write(file(MEAN),
                channel -> Safetensors.write(channel, Map.of(), List.of(new Safetensors.Block(TENSOR, sizes, () -> mean))));
        return checksum(read(MEAN));
    }

    static String checksum(byte[] bytes) {
        return hex(Fingerprinted.checksum(bytes, 0, bytes.length));
    }

    /**
     * {@return a checksum as eight hexadecimal digits}
     *
     * @param checksum 32 bits
     */
    public static String hex(int checksum) {
        return String.format(Locale.ROOT, "%08x", checksum);
    }

    ImageStatistics statistics(Manifest manifest) {
        Shape stored = manifest.preparation().stored();
        Statistics statistics = manifest.statistics();
        String advice = "; delete it and run the same ./duet data prepare again";
        byte[] bytes = read(MEAN);
        try (Safetensors tensors = Safetensors.open(file(MEAN))) {
            Safetensors.Entry entry = tensors.entries().get(TENSOR);
            List<Long> sizes = List.of((long) stored.channels(), (long) stored.height(), (long) stored.width());
            if (entry == null || !entry.shape().equals(sizes)) {
                throw new DataException("%s holds a mean image of %s, but the images are %s%s".formatted(
                        file(MEAN), entry == null ? "no size" : entry.shape(), sizes, advice));
            }
            if (!checksum(bytes).equals(statistics.meanImage())) {
                throw new DataException(file(MEAN) + " is damaged: it differs from its checksum in " + MANIFEST + advice);
            }
            return new ImageStatistics(statistics.images(), stored, tensors.floats(TENSOR), statistics.meanColour(),
                    statistics.covariance());
        } catch (SafetensorsException e) {
            throw new DataException(e.getMessage() + advice, e);
        } catch (IOException e) {
            throw new DataException(file(MEAN) + " cannot be read: " + Reasons.of(e), e);
        }
    }
}
