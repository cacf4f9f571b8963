package duet.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import duet.cli.watch.Watch;
import duet.cli.web.Access;
import duet.cli.web.Browser;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.interactions.Actions;

/**
 * The page in a real browser, while a training goes on. With DUET_SCREENSHOTS=DIR in the environment what is seen is left in that folder,
 * to be looked at.
 */
class WatchPageTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int STEPS = 300;

    @TempDir
    private Path temporary;

    @Test
    void aTrainingIsFollowedToItsEndAndComparedWithAnother() throws Exception {
        Path runs = temporary.resolve("runs");
        Queue<String> warnings = new ConcurrentLinkedQueue<>();
        try (Watch watch = Watch.start(new Access("127.0.0.1", null), 0, List.of(runs), warnings::add); Browser browser = Browser.start()) {
            browser.driver().get(watch.address().toString());
            browser.await("#connection", "Live."::equals);
            browser.await("#no-runs", text -> text.startsWith("No training has been found yet."));

            train(runs.resolve("first"), 60);
            browser.await(row("first") + " .state", "finished"::equals);
            browser.await("#details-heading", "first"::equals); // the first one is opened and drawn by itself
            browser.await("#loss-words", text -> text.startsWith("first: training "));

            follow(browser, runs.resolve("second"));
            browser.await(row("second") + " .state", "finished"::equals);
            browser.await(row("second") + " .wide-cell span", text -> text.startsWith(STEPS + " of " + STEPS + ", epoch "));
            checkNumbers(browser, runs.resolve("second"));
            checkPictures(browser);
            checkKeyboard(browser);
            checkMouse(browser);
            looks(browser);
            browser.assertNoErrors();
        }
        assertEquals(List.of(), List.copyOf(warnings));
    }

    /** It is held in the middle, so that it is seen there however fast it is. */
    private void follow(Browser browser, Path second) throws Exception {
        try (DuetProcess training = DuetProcess.start(temporary.resolve("stderr"),
                Runs.train(second, STEPS, 0, "--lr-policy", "steps:2:0.5"))) {
            assertTrue(training.awaitLines("\"event\":\"train\"", 40), "no steps");
            training.signal("STOP");
            browser.await(row("second") + " .state", "running"::equals);
            browser.find(row("second") + " input").click();
            browser.await("#loss-words", text -> text.contains("first: training ") && text.contains("second: "));
            browser.await(row("second") + " .wide-cell span", text -> steps(text) > 5 && steps(text) < STEPS);
            long early = steps(browser.texts(row("second") + " .wide-cell span").getFirst());
            browser.find(row("second") + " .name").click();
            browser.await("#details-heading", "second"::equals);
            training.signal("CONT");
            browser.await(row("second") + " .wide-cell span", text -> steps(text) > early);
            browser.await("#events tbody tr", text -> text.contains("learning rate 0.00125")); // while it is open
            Outcome outcome = training.finish();
            assertEquals(0, outcome.code(), outcome::toString);
        }
    }

    private static void train(Path out, int steps) {
        Outcome outcome = Outcome.of(Runs.train(out, steps, 0));
        assertEquals(0, outcome.code(), outcome::toString);
    }

    private static String row(String run) {
        return "#runs tr[data-run=" + run + "]";
    }

    /** Of a text such as {@code 1,234 of 2,000, epoch 1.20}. */
    private static long steps(String text) {
        return Long.parseLong(text.split(" ")[0].replaceAll("\\D", ""));
    }

    /** What the page says at the end is what the training wrote. */
    private static void checkNumbers(Browser browser, Path run) throws IOException {
        List<JsonNode> lines = Files.readAllLines(run.resolve("metrics.jsonl")).stream().map(WatchPageTest::json).toList();
        JsonNode last = lines.getLast();
        assertEquals("validation", last.get("event").textValue());
        String loss = String.format(Locale.ROOT, "validation %.4f, lowest", last.get("loss").doubleValue());
        browser.await("#loss-words", text -> text.contains("second: training ") && text.substring(text.indexOf("second: ")).contains(loss));
        String error = percent(1 - last.get("top1").doubleValue());
        browser.await(row("second") + " td[data-label='Top-1 error']", error::equals);
        long validations = lines.stream().filter(line -> line.get("event").textValue().equals("validation")).count();
        long changes = lines.stream().filter(line -> line.get("event").textValue().equals("rate")).count();
        assertEquals(validations, browser.texts("#validations tbody tr").size());
        assertEquals(changes, browser.texts("#events tbody tr").size());

        browser.find("#evaluate").click();
        browser.await("#evaluation-words", text -> text.startsWith("Step " + STEPS + ": top-1 error " + error + " of "));
        long images = browser.texts("#confusion td").stream().filter(text -> !text.isEmpty()).mapToLong(WatchPageTest::steps).sum();
        assertTrue(browser.texts("#evaluation-words").getFirst().contains(" of " + images + " images"),
                browser.texts("#evaluation-words")::toString);
    }

    private static JsonNode json(String line) {
        try {
            return JSON.readTree(line);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private static String percent(double share) {
        return String.format(Locale.ROOT, "%.2f %%", 100 * share);
    }

    private static void checkPictures(Browser browser) {
        browser.find("#plan-layers .busiest");
        browser.find("#memory .bar span");
        for (String image : List.of("#filters-image", "#mistakes-image")) {
            browser.find(image + "[alt]:not([alt=''])");
            assertTrue((Boolean) browser.driver().executeAsyncScript("""
                    const image = document.querySelector(arguments[0]);
                    const done = arguments[arguments.length - 1];
                    image.decode().then(() => done(image.naturalWidth > 50), () => done(false));
                    """, image), image);
        }
        assertEquals(4L, browser.driver().executeScript("return document.querySelectorAll('#charts canvas').length"));
        // something is drawn in each: not all pixels are the same
        assertEquals(4L, browser.driver().executeScript("""
                return [...document.querySelectorAll('#charts canvas')].filter((canvas) => new Set(new Uint32Array(
                    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size > 20).length;
                """));
    }

    private static void checkKeyboard(Browser browser) {
        browser.await("#range", "All steps"::equals);
        browser.find("#chart-loss .plot").sendKeys("+");
        browser.await("#range", "Steps 75 to 225"::equals);
        browser.find("#chart-loss .plot").sendKeys(Keys.ARROW_RIGHT);
        browser.await("#range", "Steps 113 to 263"::equals);
        browser.find("#chart-loss .plot").sendKeys("0");
        browser.await("#range", "All steps"::equals);
        browser.find("#axis").sendKeys(Keys.ARROW_DOWN);
        browser.await("#range", "All epochs"::equals);
        browser.find("#axis").sendKeys(Keys.ARROW_UP);
        browser.find("#logarithmic").sendKeys(" ");
        browser.await("#range", "All steps"::equals);
        long unnamed = (Long) browser.driver().executeScript(
                """
                        return [...document.querySelectorAll('button, input, select, [tabindex="0"]')].filter((each) => each.offsetParent)
                            .filter((each) => !each.labels?.length && !each.textContent.trim() && !each.ariaLabel
                                && !each.hasAttribute('aria-labelledby')).length;
                        """);
        assertEquals(0, unnamed, "controls without a name");
    }

    private static void checkMouse(Browser browser) {
        WebElement chart = browser.find("#chart-error .u-over");
        new Actions(browser.driver()).moveToElement(chart, -40, 0).clickAndHold().moveByOffset(80, 0).release().perform();
        browser.await("#range", text -> text.matches("Steps \\d+ to \\d+"));
        new Actions(browser.driver()).doubleClick(chart).perform();
        browser.await("#range", "All steps"::equals);
    }

    /** An address that was kept shows the same runs again, and a server that comes back is found again. */
    @Test
    void manyRunsAreFilteredAndKeptInTheAddress() throws Exception {
        Path runs = temporary.resolve("many");
        for (int run = 0; run < 10; run++) {
            Path folder = Files.createDirectories(runs.resolve("run-" + run));
            Files.writeString(folder.resolve("metrics.jsonl"),
                    "{\"event\":\"train\",\"step\":1,\"epoch\":0.5,\"loss\":2." + run
                            + ",\"top1\":0.5,\"top5\":1.0,\"learningRate\":0.01,\"imagesPerSecond\":100.0}\n");
        }
        Queue<String> warnings = new ConcurrentLinkedQueue<>();
        int port;
        try (Browser browser = Browser.start()) {
            try (Watch watch = Watch.start(new Access("127.0.0.1", "secret"), 0, List.of(runs), warnings::add)) {
                port = watch.address().getPort();
                browser.driver().get(watch.address() + "?token=secret#show=run-3&compare=run-3&compare=run-5");
                browser.await("#connection", "Live."::equals);
                browser.await("#loss-words", "run-3: training 2.3000 at step 1. run-5: training 2.5000 at step 1."::equals);
                browser.await("#details-heading", "run-3"::equals);
                assertTrue(browser.driver().getCurrentUrl().endsWith("/#show=run-3&compare=run-3&compare=run-5"),
                        browser.driver().getCurrentUrl());
                browser.find("#filter").sendKeys("Run-7");
                browser.await("#runs tbody", text -> text.startsWith("run-7 ") && !text.contains("run-3"));
                browser.driver().navigate().refresh();
                browser.await("#loss-words", text -> text.contains("run-3: ") && text.contains("run-5: "));
                browser.assertNoErrors();
            }
            browser.await("#connection", text -> text.startsWith("The connection is lost"));
            Files.delete(runs.resolve("run-5/metrics.jsonl"));
            Files.delete(runs.resolve("run-5"));
            try (Watch again = Watch.start(new Access("127.0.0.1", "secret"), port, List.of(runs), warnings::add)) {
                browser.await("#connection", "Live."::equals);
                browser.await("#loss-words", "run-3: training 2.3000 at step 1."::equals);
                assertEquals(9, again.count());
            }
        }
        assertEquals(List.of(), List.copyOf(warnings));
    }

    /** Narrow and wide, light and dark. */
    private static void looks(Browser browser) throws IOException {
        for (String scheme : List.of("light", "dark")) {
            browser.driver().executeCdpCommand("Emulation.setEmulatedMedia",
                    Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
            for (int width : List.of(360, 1600)) {
                browser.driver().executeCdpCommand("Emulation.setDeviceMetricsOverride",
                        Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
                assertEquals((long) width, browser.driver().executeScript("return innerWidth"));
                // charts follow in the next frames
                browser.driver().executeAsyncScript(
                        "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)));");
                browser.assertNothingSticksOut();
                screenshots(browser, scheme + "-" + width);
            }
        }
    }

    private static void screenshots(Browser browser, String name) throws IOException {
        String folder = System.getenv("DUET_SCREENSHOTS");
        long height = (Long) browser.driver().executeScript("scrollTo(0, 0); return document.documentElement.scrollHeight");
        for (int top = 0; folder != null && top < height; top += 880) {
            browser.driver().executeScript("scrollTo(0, arguments[0])", top);
            browser.screenshot(Path.of(folder, name + "-" + top / 880 + ".png"));
        }
    }
}
