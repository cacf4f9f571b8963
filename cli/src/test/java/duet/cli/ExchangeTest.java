package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Export and import from the command line. */
class ExchangeTest {
    @TempDir
    private Path temporary;

    @Test
    void aNetworkThatWentOutAndCameBackSaysTheSame() throws Exception {
        Path run = temporary.resolve("run");
        assertEquals(0, Outcome.of(Runs.train(run, 2, 0)).code());
        Path picture = Folders.picture(temporary.resolve("picture.png"), 28, 28, 1);
        String said = predict(run, picture);

        Path onnx = temporary.resolve("small.onnx");
        Outcome exported = Outcome.of("export", "--checkpoint", run.toString(), onnx.toString());
        assertEquals(0, exported.code(), exported::toString);
        assertTrue(exported.out().contains("small.onnx: alexnet-small for 10 classes"), exported::toString);
        Path back = temporary.resolve("back.safetensors");
        Outcome imported = Outcome.of("import", onnx.toString(), "-o", back.toString());
        assertEquals(0, imported.code(), imported::toString);
        assertEquals(said, predict(back, picture));

        Path weights = temporary.resolve("weights.safetensors");
        assertEquals(0, Outcome.of("export", "--checkpoint", run.toString(), weights.toString()).code());
        Path names = Files.write(temporary.resolve("names.txt"), IntStream.range(0, 10).mapToObj(i -> "thing " + i).toList());
        Outcome bare = Outcome.of("import", weights.toString(), "--net", "alexnet-small", "--mean", "127", "--classes", names.toString(),
                "-o", back.toString());
        assertEquals(0, bare.code(), bare::toString);
        assertTrue(predict(back, picture).contains("thing "));
    }

    private static String predict(Path checkpoint, Path picture) throws Exception {
        Outcome predicted = Outcome.of("predict", "--checkpoint", checkpoint.toString(), "--devices", "cpu", picture.toString());
        assertEquals(0, predicted.code(), predicted::toString);
        return predicted.out();
    }

    @Test
    void oneSentenceForWhatCannotBe() throws Exception {
        Path text = Files.writeString(temporary.resolve("text.onnx"), "no model");
        refused("no ONNX model", "import", text.toString(), "-o", temporary.resolve("a.safetensors").toString());
        refused("none.caffemodel: no such file or folder", "import", temporary.resolve("none.caffemodel").toString(), "-o",
                temporary.resolve("a.safetensors").toString());
        refused("must end in .onnx or .safetensors", "export", "--checkpoint", temporary.toString(), "model.pb");
        refused("exclude each other", "import", text.toString(), "--mean", "1,2,3", "--mean-file", text.toString(), "-o", "a.safetensors");
        refused("levels above 0", "import", text.toString(), "--std", "1,0,3", "-o", "a.safetensors");
        assertFalse(Files.exists(temporary.resolve("a.safetensors")));
    }

    private static void refused(String words, String... arguments) throws Exception {
        Outcome outcome = Outcome.of(arguments);
        assertTrue(outcome.code() != 0 && outcome.errLines().size() == 1 && outcome.err().contains(words),
                () -> outcome.errLines().stream().collect(Collectors.joining("\n")));
    }
}
