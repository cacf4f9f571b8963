package duet.train.schedule;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import duet.files.Reasons;
import duet.net.Suggestion;

/**
 * Learning rates from files: {@code {"rate": 0.01, "biasRate": 0.02, "epochs": 91, "batch": 128, "changes": [{"epoch": 25, "rate": 0.001},
 * ...]}}; see {@link Diary} for what a change can say. {@code comment} may stand in either. Strict: an unknown field is an error.
 */
public final class Schedules {
    private static final JsonMapper JSON = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private Schedules() {}

    private record File(String comment, Double rate, Double biasRate, Integer epochs, Integer batch, List<Entry> changes) {}

    private record Entry(String comment, Double epoch, List<String> layers, Double rate, Double biasRate, Double weightDecay,
            Double colourNoise) {
        Diary.Change change() {
            if (epoch == null) {
                throw new IllegalArgumentException("a change has no \"epoch\"");
            }
            return new Diary.Change(epoch, layers, rate, biasRate, weightDecay, colourNoise);
        }
    }

    /** {@return the names of the diaries that the engine brings along} */
    public static List<String> names() {
        return List.of("original-2012", "cifar-18pct", "cifar-11pct");
    }

    /**
     * Reads a diary that the engine brings along.
     *
     * @param name one of {@link #names}
     * @return the diary
     * @throws TrainingException if there is no such diary, with the nearest name
     */
    public static Diary named(String name) {
        if (!names().contains(name)) {
            throw new TrainingException("there is no schedule called " + name + "; " + Suggestion.of(name, names()));
        }
        try (InputStream in = Schedules.class.getResourceAsStream(name + ".json")) {
            return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8), name);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * Reads a diary from a file.
     *
     * @param file JSON
     * @return the diary
     * @throws TrainingException in a sentence that names the file and what is wrong
     */
    public static Diary read(Path file) {
        try {
            return parse(Files.readString(file), file.toString());
        } catch (NoSuchFileException e) {
            throw new TrainingException("there is no schedule file " + file);
        } catch (CharacterCodingException e) {
            throw new TrainingException(file + " is not a schedule: it is not UTF-8 text");
        } catch (IOException e) {
            throw new TrainingException("the schedule file " + file + " cannot be read: " + Reasons.of(e), e);
        }
    }

    /** @param origin what messages call the text */
    static Diary parse(String json, String origin) {
        try {
            File file = JSON.readValue(json, File.class);
            if (file == null || file.rate() == null) {
                throw new TrainingException(origin + ": a schedule needs its first \"rate\"");
            }
            List<Entry> changes = file.changes() == null ? List.of() : file.changes();
            return new Diary(file.rate(), file.biasRate(), changes.stream().map(Entry::change).toList(),
                    file.epochs() == null ? 0 : file.epochs(), file.batch() == null ? 0 : file.batch());
        } catch (UnrecognizedPropertyException e) {
            List<String> known = e.getKnownPropertyIds().stream().map(String::valueOf).toList();
            throw new TrainingException(
                    origin + ": unknown field \"" + e.getPropertyName() + "\"; " + Suggestion.of(e.getPropertyName(), known), e);
        } catch (IllegalArgumentException e) {
            throw new TrainingException(origin + ": " + e.getMessage(), e);
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr();
            throw new TrainingException(origin + ": no schedule" + place + ": " + Reasons.of(e), e);
        }
    }
}
