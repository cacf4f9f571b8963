package duet.cli.output;

import java.io.PrintWriter;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * Where a command speaks. Results go to standard output, warnings to standard error. With --json standard output carries JSON
 * only, an object a line, and what is meant for people goes to standard error.
 */
public final class Output {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    @Option(names = "--json", description = "Print JSON on standard output, one object a line unless this help says otherwise.")
    private boolean json;

    @Option(names = "--quiet", description = "Print results, warnings and errors only.")
    private boolean quiet;

    private volatile String eraseBar = "";

    public boolean json() {
        return json;
    }

    boolean quiet() {
        return quiet;
    }

    /** For people, about what goes on. */
    public void say(String line) {
        if (!quiet && Processes.first()) {
            result(line);
        }
    }

    /** For people, what they asked for. */
    public void result(String line) {
        print(json ? err() : out(), line);
    }

    /** For programs: any value that Jackson can write. */
    public void object(Object value) {
        print(out(), Json.line(value));
    }

    /** For programs: a text that is JSON or a drawing already. */
    public void text(String text) {
        print(out(), text.stripTrailing());
    }

    public void warn(String sentence) {
        print(err(), "duet: " + sentence);
    }

    /** Standard output can no longer be written: its reader has gone, as after {@code | head}, or a disk is full. */
    public boolean failed() {
        return out().checkError();
    }

    /** A bar is drawn on the terminal's last line from now on: lines take its place, and it is drawn again below. */
    PrintWriter beginBar() {
        eraseBar = TerminalLine.ERASE;
        return err();
    }

    void endBar() {
        eraseBar = "";
    }

    private void print(PrintWriter writer, String line) {
        writer.println(eraseBar + line);
        writer.flush();
    }

    private PrintWriter out() {
        return command.commandLine().getOut();
    }

    private PrintWriter err() {
        return command.commandLine().getErr();
    }
}
