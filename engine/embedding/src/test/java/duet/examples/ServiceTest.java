package duet.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import javax.imageio.ImageIO;

import duet.data.DamageReport;
import duet.data.Split;
import duet.data.source.Datasets;
import duet.device.Backend;
import duet.device.Backends;
import duet.model.Networks;
import duet.net.Network;
import duet.plan.Placement;
import duet.train.Recipe;
import duet.train.Trainer;
import duet.train.output.TrainingListener;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The service of the engine's page works as it stands there. */
class ServiceTest {
    @TempDir
    private Path folder;

    @Test
    void thePageShowsThisProgram() throws Exception {
        String program = Files.readString(Path.of("src/main/java/duet/examples/Service.java"));
        String page = Files.readString(Path.of("../README.md"));
        assertTrue(page.contains("```java\n" + program + "```"), "engine/README.md shows another program");
    }

    @Test
    void answersManyAtOnce() throws Exception {
        Path checkpoint = folder.resolve("model.safetensors");
        train(checkpoint);
        String path = Path.of("target/classes").toAbsolutePath() + File.pathSeparator
                + Files.readString(Path.of("target/class-path.txt")).strip();
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp", path,
                "--enable-native-access=ALL-UNNAMED", Service.class.getName(), checkpoint.toString(), "0")
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8); HttpClient client = HttpClient.newHttpClient()) {
            URI address = URI.create("http://localhost:" + out.readLine() + "/");
            ByteArrayOutputStream picture = new ByteArrayOutputStream();
            ImageIO.write(new BufferedImage(40, 30, BufferedImage.TYPE_INT_RGB), "png", picture);
            HttpRequest good = HttpRequest.newBuilder(address).POST(BodyPublishers.ofByteArray(picture.toByteArray())).build();
            List<CompletableFuture<HttpResponse<String>>> answers = Stream.generate(() -> client.sendAsync(good, BodyHandlers.ofString()))
                    .limit(50).toList();
            String first = answers.getFirst().get().body();
            for (CompletableFuture<HttpResponse<String>> answer : answers) {
                assertEquals(200, answer.get().statusCode());
                assertEquals(first, answer.get().body());
            }
            HttpResponse<String> bad = client.send(HttpRequest.newBuilder(address).POST(BodyPublishers.ofString("no image")).build(),
                    BodyHandlers.ofString());
            assertEquals(400, bad.statusCode());
            assertEquals("the body: not an image that can be read (JPEG, PNG, GIF, BMP, PPM)", bad.body());
        } finally {
            process.destroy();
            process.waitFor();
        }
    }

    private static void train(Path checkpoint) {
        Network network = Networks.create("alexnet-small", 1, 10);
        try (Backend backend = Backends.openDefault(1, 1);
                Split data = Datasets.open("synthetic:1x28x28:10:256", network.input(), 1, DamageReport.STRICT);
                Trainer trainer = Trainer.create(network, Placement.ONE_DEVICE, backend, data,
                        Recipe.of("alexnet-small").toBuilder().steps(2).build())) {
            trainer.train(TrainingListener.SILENT);
            trainer.snapshot().write(checkpoint);
        }
    }
}
