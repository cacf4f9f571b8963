package duet.cli.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import duet.cli.output.CommandFailure;
import duet.json.StrictJson;
import duet.text.Text;

/**
 * A program that runs the same network in another engine, driven over its standard input (bench/peers/protocol.py): it waits, then runs
 * as many steps as the line says. It ends when its input does, so also when this process is killed.
 */
public final class BenchPeer implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 5;

    private final String command;
    private final Process process;
    private final Writer input;
    private final BufferedReader output;
    private final Thread errorReader;
    private volatile String lastError = "";
    private String name;
    private JsonNode description;
    private long peakBytes;

    /**
     * Starts it; {@link #awaitReady} waits for it.
     *
     * @param command   for the shell
     * @param arguments what to run, appended to it
     */
    public BenchPeer(String command, List<String> arguments) {
        this.command = command;
        try {
            process = new ProcessBuilder(shell(command, arguments)).start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        input = process.outputWriter(StandardCharsets.UTF_8);
        output = process.inputReader(StandardCharsets.UTF_8);
        errorReader = Thread.ofVirtual().start(this::readErrors);
    }

    /**
     * The words of the command as the shell understands them, then the arguments, pairs of an option and its value, that it does not say
     * itself.
     */
    private static List<String> shell(String command, List<String> arguments) {
        List<String> words = new ArrayList<>(List.of("sh", "-c", "exec " + command + " \"$@\"", "sh"));
        for (int i = 0; i < arguments.size(); i += 2) {
            if (!command.matches("(?s).*\\s" + Pattern.quote(arguments.get(i)) + "[\\s=].*")) {
                words.addAll(arguments.subList(i, i + 2));
            }
        }
        return words;
    }

    private void readErrors() {
        try (BufferedReader errors = new BufferedReader(new InputStreamReader(process.getErrorStream(), StandardCharsets.UTF_8))) {
            for (String line = errors.readLine(); line != null; line = errors.readLine()) {
                lastError = line.isBlank() ? lastError : line.strip();
            }
        } catch (IOException e) {
            // It is gone, and what it said last is known.
        }
    }

    /**
     * It has built the network and run its first steps.
     *
     * @param network    what it should run
     * @param parameters that this has; a peer that says another number runs something else
     */
    public void awaitReady(String network, long parameters) {
        description = read();
        require(description, "peer", "variant");
        if (!Double.isFinite(description.path("result").asDouble(Double.NaN))) {
            throw new CommandFailure(
                    "the peer '" + command + "' gives " + description.path("result") + ": it does not work, so its time means nothing");
        }
        long its = description.path("parameters").asLong(parameters);
        if (its != parameters) {
            throw new CommandFailure(
                    "the peer '" + command + "' runs a network of " + Text.count(its) + " parameters, but " + network + " has "
                            + Text.count(parameters) + ": their speeds cannot be compared");
        }
        String precision = description.path("precision").asText("fp32");
        name = description.path("peer").asText() + " " + description.path("version").asText() + ", " + description.path("variant").asText()
                + (precision.equals("fp32") ? "" : ", " + precision);
    }

    /** Such as {@code pytorch 2.13.0, channels-last}. */
    String name() {
        return name;
    }

    String command() {
        return command;
    }

    /** What it says of itself. */
    JsonNode description() {
        return description;
    }

    /** Of its process, as it says after a turn; 0 before. */
    long peakBytes() {
        return peakBytes;
    }

    /** One turn, in images a second. */
    public double run(int steps) {
        try {
            input.write(steps + "\n");
            input.flush();
        } catch (IOException e) {
            throw gone();
        }
        JsonNode turn = read();
        require(turn, "images_per_second");
        peakBytes = turn.path("peak_bytes").asLong();
        return turn.path("images_per_second").asDouble();
    }

    private JsonNode read() {
        String line;
        try {
            line = output.readLine();
        } catch (IOException e) {
            throw gone();
        }
        if (line == null) {
            throw gone();
        }
        String origin = "the peer '" + command + "' prints '" + line + "' where one JSON object was expected (bench/peers/protocol.py)";
        return new StrictJson(origin, CommandFailure::new).tree(line);
    }

    private void require(JsonNode object, String... fields) {
        for (String field : fields) {
            if (!object.has(field)) {
                throw new CommandFailure(
                        "the peer '" + command + "' prints an object without '" + field + "'; see bench/peers/protocol.py");
            }
        }
    }

    private CommandFailure gone() {
        try {
            boolean ended = process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS);
            errorReader.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
            return new CommandFailure("the peer '" + command + "' "
                    + (ended ? "has ended with exit code " + process.exitValue() : "has closed its output")
                    + (lastError.isEmpty() ? " and said nothing" : ": " + lastError));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return new CommandFailure("interrupted while the peer '" + command + "' ended");
        }
    }

    @Override
    public void close() {
        try {
            input.close();
        } catch (IOException e) {
            // It has ended already.
        }
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
