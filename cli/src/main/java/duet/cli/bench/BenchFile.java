package duet.cli.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.cli.output.CommandFailure;
import duet.cli.output.Failures;
import duet.files.Reasons;

/**
 * A file of measurements, by {@code duet bench -o} or of the kernels' benchmarks; bench/README.md describes it.
 *
 * @param processor         such as {@code AMD EPYC, AVX2}; empty if the file does not say
 * @param multiplyAddGflops the machine's measured peak; 0 if the file does not say
 * @param memoryGigabytes   likewise, a second
 * @param measurements      by name, in the file's order
 */
public record BenchFile(Path file, String date, String processor, double multiplyAddGflops, double memoryGigabytes,
        Map<String, Measurement> measurements) {
    /**
     * @param value what is compared
     * @param unit  of the value; of a time less is better, of everything else more
     * @param node  all that the file says of it
     */
    public record Measurement(String name, double value, String unit, JsonNode node) {
        boolean time() {
            return unit.equals("ns") || unit.equals("us") || unit.equals("ms") || unit.equals("s");
        }

        /** How many times as fast as another: above 1 is better. */
        public double ratio(Measurement other) {
            return time() ? other.value / value : value / other.value;
        }
    }

    public static BenchFile read(Path file) {
        JsonNode root;
        try {
            root = new ObjectMapper().readTree(Files.readString(file));
        } catch (NoSuchFileException e) {
            throw new CommandFailure(file + " does not exist; './duet bench -o " + file + "' writes such a file");
        } catch (JsonProcessingException e) {
            throw new CommandFailure(file + " is not JSON: " + Reasons.of(e));
        } catch (IOException e) {
            throw new CommandFailure(file + " cannot be read: " + Failures.sentence(e));
        }
        if (!root.path("measurements").isArray()) {
            throw new CommandFailure(file
                    + " holds no measurements; './duet bench -o FILE' writes such files, and duet.bench.KernelReport those of kernels");
        }
        Map<String, Measurement> measurements = new LinkedHashMap<>();
        for (JsonNode node : root.get("measurements")) {
            Measurement measurement = new Measurement(node.path("name").asText(), node.path("value").asDouble(), node.path("unit").asText(),
                    node);
            if (measurement.name.isEmpty() || measurement.unit.isEmpty() || !(measurement.value > 0)) {
                throw new CommandFailure(file + " has a measurement without a name, a unit or a value above 0: " + node);
            }
            measurements.put(measurement.name, measurement);
        }
        JsonNode machine = root.path("machine");
        JsonNode peak = root.path("peak");
        return new BenchFile(file, root.path("date").asText(), machine.isMissingNode() ? ""
                : machine.path("processor").asText() + ", " + machine.path("instructionSet").asText(),
                peak.path("multiplyAddGflops").asDouble(),
                Math.max(peak.path("readGigabytes").asDouble(), peak.path("updateGigabytes").asDouble()), measurements);
    }
}
