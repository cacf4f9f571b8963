package duet.cli.serve;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

import duet.cli.web.WebException;
import duet.device.Backend;
import duet.net.Layer;
import duet.net.Network;
import duet.net.Node;
import duet.net.Shape;
import duet.pictures.Pictures;
import duet.pictures.Tiles;
import duet.plan.Placement;
import duet.train.output.Checkpoint;
import duet.use.BackendThread;
import duet.use.Deconvolution;
import duet.use.Deconvolution.Unit;
import duet.use.Inspection;
import duet.use.ReceptiveField;

/**
 * Says what a network saw in a picture: which filters of the first convolution fired, tower by tower, and what excited the strongest
 * feature of a later one. Any thread may ask. The network is loaded on first use, up to the layer that is asked for, beside that of a
 * classifier; one such layer is loaded at a time. A picture goes through it twice, by itself; the pictures of the answer are made by the
 * thread that asks, so that the devices are free meanwhile.
 */
public final class Explainer implements AutoCloseable {
    private final BackendThread thread;
    private final Checkpoint checkpoint;
    private final Placement placement;
    private final Network network;
    /** Of the first layer with weights; null if that is no convolution. */
    private final Layer.Convolution first;
    private final List<String> pictures;
    /** Layers whose features can be projected; empty where they cannot. */
    private final List<String> layers;
    /** Touched by the backend's thread only. */
    private Loaded loaded;
    private boolean closed;

    private record Loaded(String layer, Inspection inspection) {}

    /** What the devices made of a picture. Unit and projection may be null. */
    private record Seen(Map<String, float[]> values, Unit unit, float[] projection) {}

    private Explainer(BackendThread thread, Checkpoint checkpoint, Placement placement) {
        this.thread = thread;
        this.checkpoint = checkpoint;
        this.placement = placement;
        network = checkpoint.network();
        Layer weighted = network.layers().stream().filter(Layer.Weighted.class::isInstance).findFirst().orElseThrow();
        first = weighted instanceof Layer.Convolution convolution ? convolution : null;
        float[] weight = first == null ? null : checkpoint.tensors().get(first.name() + ".weight");
        pictures = first == null ? List.of()
                : IntStream.range(0, first.filters()).mapToObj(filter -> url(Tiles.filter(first, weight, filter))).toList();
        boolean alone = placement.devices() == 1 && placement.rounds() == 1;
        layers = alone ? Deconvolution.convolutions(network) : List.of();
    }

    /**
     * Prepares to explain; loads nothing yet.
     *
     * @param thread     owns the devices; stays open, and is to be closed after this
     * @param checkpoint the trained network
     * @param placement  on how many devices, and how; on more than one there is no deconvolution
     * @return the explainer; close it
     */
    public static Explainer create(BackendThread thread, Checkpoint checkpoint, Placement placement) {
        return new Explainer(thread, checkpoint, placement);
    }

    /**
     * {@return what the network saw, with the strongest feature of its last convolution}
     *
     * @param storedPixels a stored image, [height][width][channels]
     */
    public Explanation explain(byte[] storedPixels) {
        return explain(storedPixels, null);
    }

    /**
     * {@return what the network saw}
     *
     * @param storedPixels a stored image, [height][width][channels]
     * @param layer        the convolution whose strongest feature is projected back; null for the last one
     * @throws WebException 400 if there is no such convolution
     */
    public Explanation explain(byte[] storedPixels, String layer) {
        long length = checkpoint.stored().elements();
        if (storedPixels.length != length) {
            throw new IllegalArgumentException("an image of " + checkpoint.stored() + " has " + length + " bytes, not "
                    + storedPixels.length);
        }
        if (layer != null && !Deconvolution.convolutions(network).contains(layer)) {
            throw new WebException(400, network.name() + " has no convolution " + layer + "; it has "
                    + String.join(", ", Deconvolution.convolutions(network)));
        }
        String projected = layers.isEmpty() ? null : layer == null ? layers.getLast() : layer;
        if (first == null && projected == null) {
            return new Explanation(network.name(), url(Tiles.seen(checkpoint, storedPixels)), null, null, notes(null, null));
        }
        Seen seen = thread.call(backend -> look(backend, storedPixels, projected));
        for (float[] values : seen.values().values()) {
            for (float value : values) {
                if (!Float.isFinite(value)) {
                    throw new WebException(500, network.name() + ": gives NaN or infinity for this picture, so there is nothing to show");
                }
            }
        }
        BufferedImage picture = Tiles.seen(checkpoint, storedPixels);
        return new Explanation(network.name(), url(picture), first == null ? null : filters(seen.values().get(shown())),
                seen.unit() == null ? null : deconvolution(picture, projected, seen), notes(projected, seen.unit()));
    }

    /** On the backend's thread. */
    private Seen look(Backend backend, byte[] pixels, String projected) {
        if (closed) {
            throw new IllegalStateException("already closed");
        }
        if (loaded == null || !String.valueOf(projected).equals(loaded.layer())) {
            unload(); // first, so that there is room
            List<String> looked = first == null ? List.of() : List.of(shown());
            loaded = new Loaded(String.valueOf(projected), Inspection.create(checkpoint, looked, projected, placement, backend));
        }
        Map<String, float[]> values = loaded.inspection().of(pixels);
        Unit strongest = projected == null ? null : Deconvolution.strongest(network.shape(projected), values.get(projected)).getFirst();
        if (strongest == null || strongest.value() <= 0) {
            return new Seen(values, null, null);
        }
        return new Seen(values, strongest, loaded.inspection().project(pixels, strongest));
    }

    private void unload() {
        if (loaded != null) {
            Loaded old = loaded;
            loaded = null;
            old.inspection().close();
        }
    }

    /** What the filters fire through: the non-linearity right behind the convolution, where nothing else sees the convolution. */
    private String shown() {
        List<Node> users = network.nodes().stream().filter(node -> node.inputs().contains(first.name())).toList();
        return users.size() == 1 && users.getFirst().layer() instanceof Layer.Nonlinearity behind ? behind.name() : first.name();
    }

    private Explanation.Filters filters(float[] values) {
        Shape shape = network.shape(first.name());
        float white = Tiles.strongest(values);
        List<Explanation.Filter> all = new ArrayList<>();
        int area = shape.height() * shape.width();
        for (int filter = 0; filter < shape.channels(); filter++) {
            float highest = Float.NEGATIVE_INFINITY;
            double sum = 0;
            int above = 0;
            for (int i = filter * area; i < (filter + 1) * area; i++) {
                highest = Math.max(highest, values[i]);
                sum += Math.max(0, values[i]);
                above += values[i] > 0 ? 1 : 0;
            }
            all.add(new Explanation.Filter(filter, highest, sum / area, (double) above / area, pictures.get(filter),
                    url(Tiles.channel(shape, values, filter, white))));
        }
        double total = all.stream().mapToDouble(Explanation.Filter::mean).sum();
        int towers = Tiles.towers(network, first.name());
        int each = all.size() / towers;
        List<Explanation.Tower> apart = IntStream.range(0, towers)
                .mapToObj(tower -> tower(tower, all.subList(tower * each, (tower + 1) * each), total)).toList();
        return new Explanation.Filters(first.name(), shown(), first.kernel(), shape.height(), shape.width(), white, apart);
    }

    private static Explanation.Tower tower(int tower, List<Explanation.Filter> filters, double total) {
        double sum = filters.stream().mapToDouble(Explanation.Filter::mean).sum();
        return new Explanation.Tower(tower + 1, total > 0 ? sum / total : 0,
                filters.stream().sorted(Comparator.comparingDouble(Explanation.Filter::highest).reversed()).toList());
    }

    private Explanation.Deconvolution deconvolution(BufferedImage picture, String layer, Seen seen) {
        Unit unit = seen.unit();
        ReceptiveField field = ReceptiveField.of(network, layer, unit.y(), unit.x());
        BufferedImage projection = Tiles.projection(network.input(), seen.projection());
        return new Explanation.Deconvolution(layer, layers, unit.feature(), unit.y(), unit.x(), unit.value(),
                new Explanation.Field(field.top(), field.left(), field.height(), field.width()), url(projection),
                url(Tiles.cut(projection, field)), url(Tiles.cut(picture, field)));
    }

    private List<String> notes(String projected, Unit unit) {
        String filters = first == null ? network.name() + " does not begin with a convolution, so there are no filters to show." : null;
        String excited = unit != null ? null
                : projected != null ? projected + ": this picture excites none of its features."
                : Deconvolution.convolutions(network).isEmpty()
                        ? network.name() + " has no convolution, so there are no features to project."
                : "Features are projected back on one device in one round; this network is placed otherwise: " + placement.words() + ".";
        return Stream.of(filters, excited).flatMap(Stream::ofNullable).toList();
    }

    private static String url(BufferedImage picture) {
        try {
            return "data:image/png;base64," + Base64.getEncoder().encodeToString(Pictures.png(picture));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Gives the memory back, once what was asked before has been answered; not to be called by the backend's thread. */
    @Override
    public void close() {
        thread.call(backend -> {
            closed = true;
            unload();
            return null;
        });
    }
}
