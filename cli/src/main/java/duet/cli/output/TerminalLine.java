package duet.cli.output;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

import me.tongfei.progressbar.ProgressBarConsumer;

/**
 * The last line of a terminal, where a bar is drawn over itself. The library's own consumers ask JLine for the terminal, which
 * takes Ctrl-C for itself; a training needs it to write a checkpoint.
 */
final class TerminalLine implements ProgressBarConsumer {
    /** To the start of the line, and erase it: what is printed next takes the bar's place, and the bar is drawn again below. */
    static final String ERASE = "\r\u001b[2K";
    private static final String ERASE_REST = "\u001b[K";
    private static final int USUAL_WIDTH = 80;

    private final PrintWriter terminal;
    private final int width = width();

    TerminalLine(PrintWriter terminal) {
        this.terminal = terminal;
    }

    /** One column stays free: a full line would wrap. */
    @Override
    public int getMaxRenderedLength() {
        return width - 1;
    }

    @Override
    public void accept(String rendered) {
        terminal.print("\r" + rendered + ERASE_REST);
        terminal.flush();
    }

    @Override
    public void clear() {
        terminal.print(ERASE);
        terminal.flush();
    }

    @Override
    public void close() {
        clear();
    }

    /** Rows and columns, as {@code stty size} prints them. */
    private static int width() {
        try {
            Process stty = new ProcessBuilder("stty", "size").redirectInput(new File("/dev/tty"))
                    .redirectError(ProcessBuilder.Redirect.DISCARD).start();
            String[] size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII).strip().split(" ");
            int columns = size.length == 2 ? Integer.parseInt(size[1]) : 0;
            return columns > 0 ? columns : USUAL_WIDTH;
        } catch (IOException | NumberFormatException e) {
            return USUAL_WIDTH;
        }
    }
}
