package duet.data.prepare;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.data.shard.PreparationListener;
import duet.data.source.Datasets;
import duet.net.Shape;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A folder for the shards of some synthetic images, and what tests ask of it. */
abstract class PreparationBed {
    static final String SOURCE = "synthetic:3x20x16:5:70";
    static final PreparationOptions OPTIONS = new PreparationOptions(0, 0, 16, 2, 1);

    @TempDir
    Path temporary;

    Path out;

    @BeforeEach
    void choose() {
        out = temporary.resolve("packed");
    }

    Preparation.Result prepare(PreparationOptions options) {
        return Preparation.prepare(SOURCE, out, options, DamageReport.STRICT, PreparationListener.SILENT);
    }

    static String refused(org.junit.jupiter.api.function.Executable executable) {
        String message = assertThrows(DataException.class, executable).getMessage();
        assertFalse(message.contains("\n"), message);
        return message;
    }

    String unreadable() {
        return refused(() -> {
            try (Split split = Datasets.open("shards:" + out, new Shape(3, 10, 10), 1, DamageReport.STRICT)) {
                byte[] image = new byte[(int) split.training().stored().elements()];
                for (int i = 0; i < split.training().size(); i++) {
                    split.training().read(i, image, 0);
                }
            }
        });
    }

    /** Every file that is not hidden, by name. */
    static Map<String, List<Byte>> contents(Path folder) throws IOException {
        Map<String, List<Byte>> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.filter(file -> !file.getFileName().toString().startsWith(".")).toList()) {
                List<Byte> bytes = new ArrayList<>();
                for (byte b : Files.readAllBytes(file)) {
                    bytes.add(b);
                }
                contents.put(file.getFileName().toString(), bytes);
            }
        }
        return contents;
    }
}
