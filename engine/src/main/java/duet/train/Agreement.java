package duet.train;

import java.lang.reflect.RecordComponent;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32C;

import duet.data.Dataset;
import duet.data.Fingerprinted;
import duet.data.Split;
import duet.device.Ranks;
import duet.net.Network;
import duet.net.NetworkJson;
import duet.train.output.Checkpoint;
import duet.train.schedule.TrainingOptions;

/** What processes that work together must have in common: each method is called by all of them and throws where they have not. */
public final class Agreement {
    private static final int FLOATS = 1 << 16;

    private Agreement() {}

    /** Compares what trainings are made of. */
    static void onTraining(Ranks ranks, Network network, Split data, TrainingOptions options) {
        if (ranks.size() == 1) {
            return;
        }
        ranks.requireSame("the network", network.name() + String.format(Locale.ROOT, " (fingerprint %08x)",
                NetworkJson.write(network).hashCode()));
        onImages(ranks, "the training images", data.training());
        onImages(ranks, "the validation images", data.validation());
        TrainingOptions common = options.toBuilder().output(null).loaderThreads(1).build();
        for (RecordComponent option : TrainingOptions.class.getRecordComponents()) {
            try {
                ranks.requireSame("the option " + option.getName(), String.valueOf(option.getAccessor().invoke(common)));
            } catch (ReflectiveOperationException e) {
                throw new LinkageError(e.getMessage(), e); // a public record of this module
            }
        }
    }

    /**
     * Compares images.
     *
     * @param ranks  the processes
     * @param what   such as {@code the training images}
     * @param images of this process
     */
    public static void onImages(Ranks ranks, String what, Dataset images) {
        if (ranks.size() > 1) {
            ranks.requireSame(what, images.description() + String.format(Locale.ROOT, " (fingerprint %08x)", Fingerprinted.of(images)));
        }
    }

    /**
     * Compares trained networks, with their weights.
     *
     * @param ranks      the processes
     * @param what       such as {@code the checkpoint}
     * @param checkpoint of this process, or null
     */
    public static void onCheckpoint(Ranks ranks, String what, Checkpoint checkpoint) {
        if (ranks.size() > 1) {
            ranks.requireSame(what, checkpoint == null ? "none" : checkpoint.network().name() + String.format(Locale.ROOT,
                    " (fingerprint %08x)", 31 * NetworkJson.write(checkpoint.network()).hashCode() + sum(checkpoint.tensors())));
        }
    }

    /**
     * Compares numbers.
     *
     * @param ranks   the processes
     * @param what    such as {@code the mean image}
     * @param tensors by name; null is an empty one
     */
    static void onTensors(Ranks ranks, String what, Map<String, float[]> tensors) {
        if (ranks.size() > 1) {
            ranks.requireSame(what, String.format(Locale.ROOT, "%08x", sum(tensors)));
        }
    }

    private static int sum(Map<String, float[]> tensors) {
        CRC32C crc = new CRC32C();
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * FLOATS).order(ByteOrder.LITTLE_ENDIAN);
        new TreeMap<>(tensors).forEach((name, values) -> {
            crc.update(name.getBytes(StandardCharsets.UTF_8));
            for (int first = 0; first < values.length; first += FLOATS) {
                int count = Math.min(FLOATS, values.length - first);
                bytes.asFloatBuffer().put(values, first, count);
                crc.update(bytes.array(), 0, Float.BYTES * count);
            }
        });
        return (int) crc.getValue();
    }
}
