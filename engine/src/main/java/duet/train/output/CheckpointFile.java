package duet.train.output;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import duet.data.Augmentation;
import duet.data.Mean;
import duet.device.Arithmetic;
import duet.files.Reasons;
import duet.files.WholeFile;
import duet.json.StrictJson;
import duet.model.Safetensors;
import duet.net.Network;
import duet.net.NetworkException;
import duet.net.NetworkJson;
import duet.net.ParameterShape;
import duet.net.Shape;
import duet.train.schedule.Diary;
import duet.train.schedule.LearningRate;
import duet.train.schedule.TrainingException;
import duet.train.schedule.TrainingOptions;
import duet.train.schedule.TrainingState;
import duet.train.schedule.WarmUp;

/** Checkpoints as safetensors files. What the tensors must be follows from the network in the metadata. */
public final class CheckpointFile {
    /** Metadata entry that makes a safetensors file a checkpoint; its value is the version of what this class writes. */
    private static final String FORMAT = "duet";
    private static final String VERSION = "1";
    private static final String NETWORK = "network";
    private static final String CLASS_NAMES = "classNames";
    private static final String STORED = "stored";
    private static final String STATE = "state";

    private static final JsonMapper JSON = JsonMapper.builder()
            .addMixIn(LearningRate.class, PolicyName.class)
            .addMixIn(TrainingOptions.class, WithoutOutput.class)
            .build();
    private static final Map<String, Class<?>> POLICIES = Stream.of(PolicyName.class.getAnnotation(JsonSubTypes.class).value())
            .collect(Collectors.toUnmodifiableMap(JsonSubTypes.Type::name, JsonSubTypes.Type::value));

    private CheckpointFile() {}

    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "policy")
    @JsonSubTypes({
            @JsonSubTypes.Type(value = LearningRate.Constant.class, name = "constant"),
            @JsonSubTypes.Type(value = LearningRate.Steps.class, name = "steps"),
            @JsonSubTypes.Type(value = LearningRate.Linear.class, name = "linear"),
            @JsonSubTypes.Type(value = LearningRate.Exponential.class, name = "exponential"),
            @JsonSubTypes.Type(value = WarmUp.class, name = "warm-up"),
            @JsonSubTypes.Type(value = Diary.class, name = "diary"),
            @JsonSubTypes.Type(value = LearningRate.Plateau.class, name = "plateau")
    })
    private interface PolicyName {}

    @JsonIgnoreProperties("output")
    private interface WithoutOutput {}

    /** The tensors of a checkpoint, in the order of the file. */
    private static List<Safetensors.Block> blocks(Network network, Shape stored, TrainingState state, Function<String, float[]> tensors) {
        List<Safetensors.Block> blocks = new ArrayList<>();
        List<ParameterShape> parameters = network.parameters();
        for (ParameterShape parameter : parameters) {
            blocks.add(block(parameter.name(), parameter.sizes(), tensors));
        }
        for (ParameterShape parameter : state != null ? parameters : List.<ParameterShape>of()) {
            blocks.add(block(parameter.momentumName(), parameter.sizes(), tensors));
        }
        blocks.add(block(Checkpoint.MEAN, List.of(stored.channels(), stored.height(), stored.width()), tensors));
        if (state != null && state.options().augmentation().colourNoise() > 0) {
            blocks.add(block(Checkpoint.COLOURS, List.of(stored.channels(), stored.channels()), tensors));
        }
        return blocks;
    }

    private static Safetensors.Block block(String name, List<Integer> sizes, Function<String, float[]> tensors) {
        return new Safetensors.Block(name, sizes, () -> finite(name, tensors.apply(name)));
    }

    private static float[] finite(String name, float[] values) {
        if (values == null) {
            throw new IllegalArgumentException("the checkpoint lacks the tensor " + name);
        }
        for (float value : values) {
            if (!Float.isFinite(value)) {
                throw new NotFiniteException(name);
            }
        }
        return values;
    }

    /** A tensor that must not be written. */
    public static final class NotFiniteException extends TrainingException {
        private static final long serialVersionUID = 1;

        /** Its name in the checkpoint. */
        public final String tensor;

        NotFiniteException(String tensor) {
            super(tensor + " holds a NaN or an infinity, so no checkpoint is written");
            this.tensor = tensor;
        }
    }

    /** @param tensors asked for one after the other, while the file is written */
    static void write(Path file, Network network, List<String> classNames, Shape stored, TrainingState state,
            Function<String, float[]> tensors) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put(FORMAT, VERSION);
        metadata.put(NETWORK, NetworkJson.write(network));
        metadata.put(CLASS_NAMES, json(classNames));
        metadata.put(STORED, json(stored));
        if (state != null) {
            metadata.put(STATE, json(state));
        }
        List<Safetensors.Block> blocks = blocks(network, stored, state, tensors);
        WholeFile.write(file, channel -> Safetensors.write(channel, metadata, blocks));
    }

    private static String json(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** @param momentum whether it is read; the network can be used without */
    static Checkpoint read(Path file, boolean momentum) {
        try (Safetensors tensors = Safetensors.open(file)) {
            return read(file, tensors, momentum);
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be read: " + Reasons.of(e), e);
        }
    }

    /**
     * Reads what a checkpoint says besides its tensors, however large these are.
     *
     * @param file a checkpoint
     * @return its metadata
     * @throws TrainingException if it is none, or a field is damaged
     */
    public static Description describe(Path file) {
        try (Safetensors tensors = Safetensors.open(file)) {
            return describe(file, tensors.metadata());
        } catch (IOException e) {
            throw new TrainingException(file + ": cannot be read: " + Reasons.of(e), e);
        }
    }

    /**
     * A checkpoint without its tensors.
     *
     * @param network    of which it is
     * @param classNames a label is an index into them
     * @param stored     size of the images that it was trained on
     * @param state      null for a bare model
     */
    public record Description(Network network, List<String> classNames, Shape stored, TrainingState state) {
        /** Copies the list. */
        public Description {
            classNames = List.copyOf(classNames);
        }
    }

    private static Checkpoint read(Path file, Safetensors tensors, boolean momentum) throws IOException {
        Description read = describe(file, tensors.metadata());
        Set<String> unread = momentum ? Set.of()
                : read.network().parameters().stream().map(ParameterShape::momentumName).collect(Collectors.toUnmodifiableSet());
        List<Safetensors.Block> blocks = blocks(read.network(), read.stored(), read.state(), name -> null);
        return new Checkpoint(read.network(), read.classNames(), read.stored(), tensors(file, tensors, blocks, unread), read.state());
    }

    private static Description describe(Path file, Map<String, String> metadata) {
        String version = metadata.get(FORMAT);
        if (!VERSION.equals(version)) {
            throw new TrainingException(file + (version == null
                    ? ": a safetensors file, but not a Duet checkpoint (its metadata have no entry " + FORMAT + ")"
                    : ": a checkpoint of version " + version + ", but this program reads version " + VERSION));
        }
        Network network = network(file, metadata);
        String[] classNames = parse(file, metadata, CLASS_NAMES, String[].class);
        Shape stored = parse(file, metadata, STORED, Shape.class);
        TrainingState state = metadata.containsKey(STATE) ? parse(file, metadata, STATE, TrainingState.class) : null;
        if (classNames.length != network.classes()) {
            throw new TrainingException(
                    file + ": has " + classNames.length + " class names for a network with " + network.classes() + " classes");
        }
        return new Description(network, List.of(classNames), stored, state);
    }

    private static Network network(Path file, Map<String, String> metadata) {
        String text = metadata.get(NETWORK);
        if (text == null) {
            throw new TrainingException(file + ": the metadata have no entry " + NETWORK);
        }
        try {
            return NetworkJson.parse(text, file.toString());
        } catch (NetworkException e) {
            throw new TrainingException(file + ": the network in the metadata is damaged: " + e.getMessage(), e);
        }
    }

    private static <T> T parse(Path file, Map<String, String> metadata, String name, Class<T> type) {
        if (!metadata.containsKey(name)) {
            throw new TrainingException(file + ": the metadata have no entry " + name);
        }
        StrictJson json = new StrictJson(file + ": the entry " + name + " of the metadata is damaged", TrainingException::new)
                .with(LearningRate.class, "policy", POLICIES);
        return json.read(completed(json.tree(metadata.get(name))), type);
    }

    /** What programs did before there was an option for it. */
    private static JsonNode completed(JsonNode tree) {
        if (tree instanceof ObjectNode state && state.has("options") && !state.has("arithmetic")) {
            state.set("arithmetic", JSON.valueToTree(Arithmetic.DEFAULT));
        }
        if (tree instanceof ObjectNode state && state.has("options")) {
            state.putIfAbsent("withoutBetter", IntNode.valueOf(0));
        }
        if (tree.path("options") instanceof ObjectNode options) {
            options.putIfAbsent("earlyStop", IntNode.valueOf(0));
            options.putIfAbsent("mean", TextNode.valueOf(Mean.IMAGE.name()));
            if (options.path("augmentation") instanceof ObjectNode augmentation) {
                JSON.valueToTree(Augmentation.NONE).properties()
                        .forEach(entry -> augmentation.putIfAbsent(entry.getKey(), entry.getValue()));
            }
        }
        return tree;
    }

    /** @param unread tensors that must be there, but are not read */
    private static Map<String, float[]> tensors(Path file, Safetensors tensors, List<Safetensors.Block> blocks, Set<String> unread)
            throws IOException {
        Map<String, float[]> values = new LinkedHashMap<>();
        TreeSet<String> unknown = new TreeSet<>(tensors.entries().keySet());
        for (Safetensors.Block expected : blocks) {
            Safetensors.Entry found = tensors.entries().get(expected.name());
            List<Long> shape = expected.shape().stream().map(Integer::longValue).toList();
            if (found == null) {
                throw new TrainingException(file + ": the tensor " + expected.name() + " " + shape + " is missing");
            }
            if (!found.shape().equals(shape)) {
                throw new TrainingException(
                        file + ": the tensor " + expected.name() + " has shape " + found.shape() + ", but the network needs " + shape);
            }
            if (!unread.contains(expected.name())) {
                values.put(expected.name(), tensors.floats(expected.name()));
            }
            unknown.remove(expected.name());
        }
        if (!unknown.isEmpty()) {
            throw new TrainingException(file + ": the network has no place for the tensor " + unknown.first());
        }
        return values;
    }
}
