package duet.cli.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import duet.cli.output.CommandFailure;
import duet.cli.output.Failures;
import duet.cli.output.Output;
import duet.cli.output.Version;
import duet.device.Machine;
import duet.device.Precision;
import duet.text.Text;

/**
 * The result of {@code duet bench} for people and as JSON (bench/README.md describes it).
 *
 * @param machine      null where it is not a CPU that was measured
 * @param planBytes    of all devices
 * @param processBytes the most that this process has had; 0 where the system does not say
 */
public record BenchReport(
        String name, Precision precision, Machine machine, String devices, long planBytes, long processBytes, List<BenchPeer> peers,
        BenchResult result) {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final Pattern PEAK = Pattern.compile("(?m)^VmHWM:\\s+(\\d+) kB");

    public void print(Output output) {
        if (output.json()) {
            output.object(json());
            return;
        }
        Spread own = Spread.of(result.ours());
        output.result(name + ": " + own.text() + " images/s, " + Text.rate(1e3 * result.batch() / own.median()) + " ms per step");
        output.result("memory: " + Text.bytes(planBytes) + " planned" + (processBytes == 0 ? "" : ", " + Text.bytes(processBytes)
                + " at most in this process"));
        if (machine != null) {
            output.result("machine: " + machine.processor() + ", " + machine.instructionSet() + ", "
                    + Text.count(result.peak().threads(), "thread")
                    + ": multiply-add peak " + Text.rate(result.peak().multiplyAddGflops()) + " GFLOP/s, memory "
                    + Text.rate(result.peak().memoryGigabytes()) + " GB/s");
        }
        for (int i = 0; i < peers.size(); i++) {
            output.result(peers.get(i).name() + ": " + Spread.of(result.peer(i)).text() + " images/s"
                    + (peers.get(i).peakBytes() == 0 ? "" : ", " + Text.bytes(peers.get(i).peakBytes())));
        }
        if (result.best() >= 0) {
            output.result(
                    "Duet is " + Spread.of(result.ratios(result.best())).text() + " times as fast as " + peers.get(result.best()).name()
                            + (peers.size() > 1 ? ", the fastest peer" : ""));
        }
    }

    ObjectNode json() {
        ObjectNode root = JSON.createObjectNode().put("benchmark", "step")
                .put("date", OffsetDateTime.now().truncatedTo(ChronoUnit.SECONDS).toString())
                .put("duet", Version.number()).put("devices", devices).put("precision", precision.toString());
        if (machine != null) {
            root.set("machine", JSON.valueToTree(machine));
            root.set("peak", JSON.valueToTree(result.peak()));
        }
        ArrayNode measurements = root.putArray("measurements");
        Spread own = Spread.of(result.ours());
        ObjectNode step = measurement(measurements, name, "images/s", own);
        step.put("millisecondsPerStep", 1e3 * result.batch() / own.median()).put("steps", result.steps()).put("planBytes", planBytes)
                .put("processBytes", processBytes);
        result.ours().forEach(step.putArray("turns")::add);
        ArrayNode others = root.putArray("peers");
        for (int i = 0; i < peers.size(); i++) {
            BenchPeer peer = peers.get(i);
            ObjectNode object = others.addObject().put("name", peer.name()).put("command", peer.command()).put("peakBytes",
                    peer.peakBytes());
            object.set("description", peer.description());
            object.set("spread", JSON.valueToTree(Spread.of(result.peer(i))));
            result.peer(i).forEach(object.putArray("turns")::add);
            object.set("ratio", JSON.valueToTree(Spread.of(result.ratios(i))));
            result.ratios(i).forEach(object.putArray("ratios")::add);
        }
        if (result.best() >= 0) {
            // Not named after the peer: a new version of it is still the one to beat.
            measurement(measurements, name + ": times the fastest peer", "times", Spread.of(result.ratios(result.best())))
                    .put("peer", peers.get(result.best()).name());
        }
        return root;
    }

    private static ObjectNode measurement(ArrayNode measurements, String name, String unit, Spread spread) {
        ObjectNode object = measurements.addObject().put("name", name).put("value", spread.median()).put("unit", unit);
        object.set("spread", JSON.valueToTree(spread));
        return object;
    }

    public void write(Path file) {
        try {
            Files.writeString(file, JSON.writeValueAsString(json()) + "\n", StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new CommandFailure(file + " cannot be written: " + Failures.sentence(e));
        }
    }

    /** The most memory that this process has had until now; 0 where the system does not say. */
    public static long bytesUntilNow() {
        try {
            Matcher line = PEAK.matcher(Files.readString(Path.of("/proc/self/status")));
            return line.find() ? 1024 * Long.parseLong(line.group(1)) : 0;
        } catch (IOException e) {
            return 0;
        }
    }
}
