package duet.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** The command in a process of its own, which can be killed. */
final class DuetProcess implements AutoCloseable {
    private static final int SIGNAL_EXIT = 128;
    private static final long PATIENCE_SECONDS = 120;

    private final Process process;
    private final BufferedReader out;
    private final Path err;
    private final StringBuilder read = new StringBuilder();

    private DuetProcess(Process process, Path err) {
        this.process = process;
        this.out = new BufferedReader(process.inputReader(StandardCharsets.UTF_8));
        this.err = err;
    }

    /** @param err file for its standard error */
    static DuetProcess start(Path err, String... arguments) throws IOException {
        return start(List.of(), err, arguments);
    }

    /** @param wrapper a command that runs the command after it, such as {@code nice} */
    static DuetProcess start(List<String> wrapper, Path err, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(wrapper);
        command.addAll(command(arguments));
        return new DuetProcess(new ProcessBuilder(command).redirectError(err.toFile()).start(), err);
    }

    static List<String> command(String... arguments) {
        List<String> command = new ArrayList<>(FastJava.COMMAND);
        System.getProperties().stringPropertyNames().stream().filter(name -> name.startsWith("duet."))
                .forEach(name -> command.add("-D" + name + "=" + System.getProperty(name)));
        command.add(Main.class.getName());
        command.addAll(List.of(arguments));
        return command;
    }

    /** Reads standard output up to that many lines that hold the text; false if it ended before. */
    boolean awaitLines(String text, int count) throws IOException {
        int seen = 0;
        while (seen < count) {
            String line = out.readLine();
            if (line == null) {
                return false;
            }
            read.append(line).append('\n');
            if (line.contains(text)) {
                seen++;
            }
        }
        return true;
    }

    /** The last line that was read. */
    String lastLine() {
        return read.substring(read.lastIndexOf("\n", read.length() - 2) + 1);
    }

    /** SIGKILL. True if the process had not ended by itself before. */
    boolean kill() throws InterruptedException {
        process.destroyForcibly();
        return process.waitFor() == SIGNAL_EXIT + 9;
    }

    /** @param name such as {@code TERM} */
    void signal(String name) throws IOException, InterruptedException {
        signal(name, Long.toString(process.pid()));
    }

    /** Sends it to another process by its number; whether there is one. */
    static boolean signal(String name, String number) throws IOException, InterruptedException {
        return new ProcessBuilder("kill", "-" + name, number).redirectErrorStream(true).start().waitFor() == 0;
    }

    /** Closes our end of its standard output, as {@code head} does. */
    void stopReading() throws IOException {
        out.close();
    }

    /** Reads to the end of its output and waits for its end. */
    Outcome finish() throws IOException, InterruptedException {
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            read.append(line).append('\n');
        }
        return ended();
    }

    /** Waits for its end without reading its output. */
    Outcome ended() throws IOException, InterruptedException {
        if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new IllegalStateException("still running after " + PATIENCE_SECONDS + " s: " + Files.readString(err));
        }
        return new Outcome(process.exitValue(), read.toString(), Files.readString(err));
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
