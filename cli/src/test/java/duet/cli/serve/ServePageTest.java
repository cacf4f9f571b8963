package duet.cli.serve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.IntStream;

import duet.cli.web.Access;
import duet.cli.web.Browser;
import duet.cli.web.Exchange;
import duet.cli.web.Routes;
import duet.cli.web.WebException;
import duet.cli.web.WebServer;
import duet.data.DataException;
import duet.data.source.Datasets;
import duet.model.Networks;
import duet.plan.Placement;
import duet.train.Tiny;
import duet.train.output.Checkpoint;
import duet.use.BackendThread;
import duet.use.Classifier;
import duet.use.SharedClassifier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;
import org.openqa.selenium.support.ui.Select;

/** The page in a browser, with networks of drawn weights behind it. */
class ServePageTest {
    private static final int MOST = 1 << 20;
    private static final long SEED = 77;

    private static final Map<String, Checkpoint> CHECKPOINTS = new LinkedHashMap<>();
    private static final Map<String, SharedClassifier> CLASSIFIERS = new LinkedHashMap<>();
    private static final Map<String, Explainer> EXPLAINERS = new LinkedHashMap<>();
    /** What the next requests are refused with. */
    private static final Queue<WebException> REFUSALS = new ConcurrentLinkedQueue<>();
    private static BackendThread thread;
    private static WebServer server;
    private static Browser browser;

    @TempDir
    private Path folder;

    @BeforeAll
    static void start() throws IOException {
        browser = Browser.start();
        thread = BackendThread.open(() -> Tiny.backend(1));
        CHECKPOINTS.put("small", RandomModels.checkpoint(Networks.create("alexnet-small"), SEED));
        CHECKPOINTS.put("colour", RandomModels.checkpoint(Networks.create("googlenet-small", 3, 10), SEED));
        CHECKPOINTS.forEach((name, checkpoint) -> {
            CLASSIFIERS.put(name, SharedClassifier.create(thread, checkpoint, Placement.ONE_DEVICE,
                    new SharedClassifier.Limits(1, 8, Duration.ZERO)));
            EXPLAINERS.put(name, Explainer.create(thread, checkpoint, Placement.ONE_DEVICE));
        });
        Routes routes = ServePage.on(new Routes()).get("/models", x -> x.json(200, models())).post("/predict", ServePageTest::predict)
                .post("/explain", x -> x.json(200, EXPLAINERS.get(x.query("model")).explain(pixels(x), x.query("layer"))));
        server = WebServer.start(new Access("127.0.0.1", null), 0, routes, answered -> {
            if (answered.fault() != null) {
                answered.fault().printStackTrace();
            }
        });
    }

    private static Answers.Models models() {
        return new Answers.Models(CHECKPOINTS.entrySet().stream().map(entry -> new Answers.Model(entry.getKey(), "1",
                entry.getValue().network().name(), entry.getValue().network().classes(),
                Answers.Input.of(entry.getValue().network().input()), Answers.Model.READY)).toList());
    }

    private static void predict(Exchange exchange) throws IOException {
        WebException refusal = REFUSALS.poll();
        if (refusal != null) {
            throw refusal;
        }
        exchange.json(200, new Answers.Predictions("body", exchange.query("model"), "1",
                CLASSIFIERS.get(exchange.query("model")).classify(pixels(exchange)).subList(0, 5)));
    }

    private static byte[] pixels(Exchange exchange) {
        try {
            return Datasets.readImage("the picture", exchange.body(MOST), CHECKPOINTS.get(exchange.query("model")).stored());
        } catch (DataException e) {
            throw new WebException(400, e.getMessage());
        }
    }

    @AfterAll
    static void stop() throws IOException {
        if (browser != null) {
            browser.close();
            server.close();
            EXPLAINERS.values().forEach(Explainer::close);
            CLASSIFIERS.values().forEach(SharedClassifier::close);
            thread.close();
        }
    }

    @BeforeEach
    void open() {
        REFUSALS.clear();
        browser.size(1280, 900);
        browser.driver().get(server.address().toString());
        browser.await("#model", text -> text.contains("small"));
    }

    /** Errors that a test has not expected. */
    @AfterEach
    void nothingIsLeft() {
        browser.assertNoErrors();
    }

    private Path picture(String name) throws IOException {
        return Files.write(folder.resolve(name), RandomModels.shoe());
    }

    private WebElement file() {
        return browser.find("#file:enabled");
    }

    private List<Classifier.Prediction> expected(String model) throws IOException {
        byte[] stored = Datasets.readImage("the picture", RandomModels.shoe(), CHECKPOINTS.get(model).stored());
        return CLASSIFIERS.get(model).classify(stored).subList(0, 5);
    }

    /** The classes, the filters of each tower and the projection are there, and they are those of this picture. */
    private void assertExplained(String model) throws IOException {
        browser.find("#filters:not([hidden]) .tiles img");
        browser.find("#deconvolution:not([hidden]) img");
        assertEquals(expected(model).stream().map(Classifier.Prediction::name).toList(), browser.texts("#predictions th"));
        Explanation explanation = EXPLAINERS.get(model)
                .explain(Datasets.readImage("the picture", RandomModels.shoe(), CHECKPOINTS.get(model).stored()));
        List<String> strongest = explanation.filters().towers().stream()
                .flatMap(tower -> tower.filters().stream().limit(8)).map(filter -> "filter " + filter.filter()).toList();
        assertEquals(strongest, browser.texts(".tiles strong"));
        assertEquals(explanation.deconvolution().projection(),
                browser.driver().findElements(By.cssSelector("#projections img")).get(1).getAttribute("src"));
        assertTrue((Boolean) browser.driver().executeScript(
                "return [...document.images].every(image => image.closest('[hidden]') || image.complete && image.naturalWidth > 0 "
                        + "&& image.alt)"));
    }

    @Test
    void aPictureThatIsChosen() throws IOException {
        file().sendKeys(picture("shoe.png").toString());
        assertExplained("small");
        browser.await("#status", text -> text.startsWith("Most probably class "));
        assertEquals("shoe.png", browser.find("#name").getText());
        double percent = 100 * expected("small").getFirst().probability();
        assertEquals(percent, Double.parseDouble(browser.texts("#predictions td").getFirst().replaceAll("[^0-9.]", "")), 0.051);
        assertEquals(2, browser.texts(".tower h3").size());
        assertEquals("", browser.find("#error").getText());

        new Select(browser.find("#model")).selectByValue("colour");
        browser.await(".tower h3", text -> text.startsWith("All "));
        assertExplained("colour");

        WebElement layer = browser.find("#layer");
        String before = browser.find("#deconvolution-words").getText();
        new Select(layer).selectByIndex(0);
        String first = layer.getAttribute("value");
        browser.await("#deconvolution-words", text -> !text.equals(before) && text.contains(" of " + first + " "));
    }

    /** As a browser makes the events of a mouse and of a clipboard, which Selenium cannot. */
    private void give(String event, String name, String type, byte[] bytes) {
        browser.driver().executeScript("""
                const bytes = Uint8Array.from(atob(arguments[3]), c => c.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], arguments[1], {type: arguments[2]}));
                const event = arguments[0] === 'drop' ? new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})
                    : new ClipboardEvent('paste', {clipboardData: data, bubbles: true});
                document.body.dispatchEvent(event);
                """, event, name, type, Base64.getEncoder().encodeToString(bytes));
    }

    @Test
    void aPictureThatIsDroppedOrPasted() throws IOException {
        for (String event : List.of("drop", "paste")) {
            open();
            give(event, "shoe.png", "image/png", RandomModels.shoe());
            assertExplained("small");
        }
        browser.driver().executeScript(
                "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: new DataTransfer(), bubbles: true, cancelable: true}))");
        browser.await("#error", text -> text.startsWith("What was dropped is no file"));
    }

    @Test
    void whatIsNoPictureIsRefusedInASentence() throws IOException {
        file().sendKeys(Files.writeString(folder.resolve("notes.txt"), "only words").toString());
        browser.await("#error", "notes.txt is no picture: it is text/plain. JPEG, PNG, GIF and BMP files are taken."::equals);
        assertFalse(browser.find("#again").isDisplayed());
        give("drop", "fake.png", "image/png", "only words".getBytes(StandardCharsets.UTF_8));
        browser.await("#error", text -> text.startsWith("The picture: "));
        assertFalse(browser.find("#classes").isDisplayed());
        assertFalse(browser.find("#shown").isDisplayed());
        expectErrors(2, "/predict");
        file().sendKeys(picture("shoe.png").toString());
        assertExplained("small");
        assertEquals("", browser.find("#error").getText());
    }

    /** A browser logs every answer of 400 and above. */
    private static void expectErrors(int most, String path) {
        List<String> errors = browser.driver().manage().logs().get("browser").getAll().stream().map(entry -> entry.getMessage()).toList();
        assertTrue(errors.size() <= most && errors.stream().allMatch(error -> error.contains(path)), errors::toString);
    }

    @Test
    void aBusyServerIsAskedAgain() throws IOException {
        REFUSALS.add(new WebException(429, "9 image(s) wait already", Map.of("Retry-After", "1")));
        REFUSALS.add(new WebException(429, "8 image(s) wait already", Map.of("Retry-After", "0")));
        file().sendKeys(picture("shoe.png").toString());
        browser.await("#status", "9 image(s) wait already. Asking again in 1 s."::equals);
        assertExplained("small");
        expectErrors(2, "/predict");

        REFUSALS.add(new WebException(503, "the devices have failed"));
        file().sendKeys(picture("shoe.png").toString());
        browser.await("#error", "The devices have failed."::equals);
        expectErrors(1, "/predict");
        browser.find("#again").click();
        assertExplained("small");
        assertEquals("", browser.find("#error").getText());
    }

    /** The keyboard alone: to the model, to the file, to the filters that are not shown, to the layer. */
    @Test
    void theKeyboardIsEnough() throws IOException {
        file();
        WebElement model = tabTo("model");
        model.sendKeys("c"); // the model of that name
        assertEquals("colour", model.getAttribute("value"));
        WebElement file = tabTo("file");
        file.sendKeys(picture("shoe.png").toString()); // what the browser's own dialogue gives
        assertExplained("colour");
        int shown = browser.texts(".tiles li").size();
        WebElement more = tabTo("");
        assertTrue(more.getText().startsWith("Show 24 more filters"), more.getText());
        more.sendKeys(Keys.ENTER);
        assertTrue(browser.texts(".tiles li").size() > shown);
        WebElement focused = browser.driver().switchTo().activeElement();
        assertEquals("li", focused.getTagName());
        WebElement layer = tabTo("layer");
        String before = layer.getAttribute("value");
        layer.sendKeys(Keys.ARROW_UP);
        String now = layer.getAttribute("value");
        assertFalse(now.equals(before));
        browser.await("#deconvolution-words", text -> text.contains(" of " + now + " "));
    }

    private static WebElement tabTo(String id) {
        for (int i = 0; i < 12; i++) {
            new Actions(browser.driver()).sendKeys(Keys.TAB).perform();
            WebElement focused = browser.driver().switchTo().activeElement();
            if (focused.getAttribute("id").equals(id)) {
                return focused;
            }
        }
        throw new AssertionError("the tab key does not lead to '" + id + "'");
    }

    @Test
    void narrowAndWideWindows() throws IOException {
        file().sendKeys(
                Files.write(folder.resolve("a_name_without_any_place_to_break_it".repeat(4) + ".png"), RandomModels.shoe()).toString());
        assertExplained("small");
        for (int width : IntStream.of(360, 800, 1600).toArray()) {
            for (String scheme : List.of("light", "dark")) {
                browser.driver().executeCdpCommand("Emulation.setEmulatedMedia",
                        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
                browser.driver().executeCdpCommand("Emulation.setDeviceMetricsOverride",
                        Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
                browser.assertNothingSticksOut();
            }
        }
        browser.driver().executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
        browser.driver().executeCdpCommand("Emulation.setEmulatedMedia", Map.of("features", List.of()));
    }
}
