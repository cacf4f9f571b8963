package duet.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/** What a command that ran in this process printed, and its exit code. */
record Outcome(int code, String out, String err) {

    static Outcome of(String... arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Main.run(new PrintWriter(out), new PrintWriter(err), arguments);
        return new Outcome(code, out.toString(), err.toString());
    }

    List<String> outLines() {
        return out.lines().toList();
    }

    List<String> errLines() {
        return err.lines().toList();
    }

    /** Everything, for the message of a failed assertion. */
    @Override
    public String toString() {
        return "exit code " + code + "\n--- standard output\n" + out + "--- standard error\n" + err;
    }
}
