package duet.use;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import duet.data.Dataset;
import duet.files.Reasons;
import duet.files.WholeFile;
import duet.model.Safetensors;
import duet.net.Shape;
import duet.train.output.TrainingListener;
import duet.train.schedule.TrainingException;

/**
 * What a layer makes of a data set as a safetensors file: {@code LAYER} [images][numbers] or [images][channels][height][width],
 * {@code labels} [images] (-1 for an image that could not be read; its numbers mean nothing) and {@code indices} [images], the places of
 * the images in the data set. Metadata: layer, network, data. Numbers are written as they come: a file may be larger than memory.
 */
public final class Features {
    private static final int PIECE = 1 << 18;

    private Features() {}

    /**
     * Writes to a temporary file beside it and renames. A failure is a {@link TrainingException} that names the file and the reason. Where
     * several processes share the images, all call it and the first one writes.
     *
     * @param file          replaced if it is there
     * @param activations   the layer
     * @param data          the images
     * @param loaderThreads threads that read and decode images
     * @param listener      told how far it is
     */
    public static void write(Path file, Activations activations, Dataset data, int loaderThreads, TrainingListener listener) {
        if (!activations.first()) {
            activations.forEach(data, loaderThreads, listener, (index, label, values, from) -> {});
            return;
        }
        Shape shape = activations.shape();
        List<Integer> sizes = shape.height() == 1 && shape.width() == 1
                ? List.of(data.size(), shape.channels())
                : List.of(data.size(), shape.channels(), shape.height(), shape.width());
        long[] labels = new long[data.size()];
        long[] indices = new long[data.size()];
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("layer", activations.layer());
        metadata.put("network", activations.checkpoint().network().name());
        metadata.put("data", data.description());
        List<Safetensors.Block> blocks = List.of(
                new Safetensors.Block(activations.layer(), Safetensors.Type.F32, sizes, sink -> {
                    Pieces pieces = new Pieces(sink, Math.toIntExact(shape.elements()));
                    activations.forEach(data, loaderThreads, listener, (index, label, values, from) -> {
                        labels[index] = label;
                        indices[index] = index;
                        pieces.add(values, from);
                    });
                    pieces.flush();
                }),
                new Safetensors.Block("labels", Safetensors.Type.I64, List.of(data.size()), sink -> sink.longs(labels)),
                new Safetensors.Block("indices", Safetensors.Type.I64, List.of(data.size()), sink -> sink.longs(indices)));
        try {
            WholeFile.write(file, channel -> Safetensors.write(channel, metadata, blocks));
        } catch (UncheckedIOException e) {
            throw new TrainingException(file + ": cannot be written: " + Reasons.of(e.getCause()), e);
        }
    }

    /** Gathers images into larger pieces. */
    private static final class Pieces {
        private final Safetensors.Sink sink;
        private final float[] piece;
        private final int length;
        private int filled;

        Pieces(Safetensors.Sink sink, int length) {
            this.sink = sink;
            this.length = length;
            piece = new float[length * Math.max(1, PIECE / length)];
        }

        void add(float[] values, int from) {
            System.arraycopy(values, from, piece, filled, length);
            filled += length;
            if (filled == piece.length) {
                flush();
            }
        }

        void flush() {
            try {
                sink.floats(filled == piece.length ? piece : Arrays.copyOf(piece, filled));
                filled = 0;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
