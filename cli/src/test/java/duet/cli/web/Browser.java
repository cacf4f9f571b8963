package duet.cli.web;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.function.Predicate;
import java.util.logging.Level;
import java.util.stream.Stream;

import org.junit.jupiter.api.Assumptions;
import org.openqa.selenium.By;
import org.openqa.selenium.Dimension;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.openqa.selenium.support.ui.WebDriverWait;

/** Debian's Chromium without a window, for tests of pages. Where there is none the test is skipped, and says what to install. */
public final class Browser implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ChromeDriver driver;

    private Browser(ChromeDriver driver) {
        this.driver = driver;
    }

    /** Starts it; skips the test where it is not installed. */
    public static Browser start() {
        Path browser = program("chromium");
        Path chromeDriver = program("chromedriver");
        Assumptions.assumeTrue(browser != null && chromeDriver != null,
                "pages are tested in Chromium, which is not installed: apt-get install chromium chromium-driver");
        ChromeOptions options = new ChromeOptions();
        options.setBinary(browser.toFile());
        options.addArguments("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--window-size=1280,900");
        LoggingPreferences logging = new LoggingPreferences();
        logging.enable(LogType.BROWSER, Level.ALL);
        options.setCapability("goog:loggingPrefs", logging);
        ChromeDriverService service = new ChromeDriverService.Builder().usingDriverExecutable(chromeDriver.toFile()).build();
        return new Browser(new ChromeDriver(service, options));
    }

    private static Path program(String name) {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator)).map(folder -> Path.of(folder, name)).filter(Files::isExecutable)
                .findFirst().orElse(null);
    }

    public ChromeDriver driver() {
        return driver;
    }

    /** The element, once it is there. */
    public WebElement find(String css) {
        return new WebDriverWait(driver, PATIENCE).until(d -> d.findElements(By.cssSelector(css)).stream().findFirst().orElse(null));
    }

    /** Waits until an element's text is so. */
    public void await(String css, Predicate<String> text) {
        new WebDriverWait(driver, PATIENCE).withMessage(() -> css + " still is: " + texts(css))
                .until(d -> texts(css).stream().anyMatch(text));
    }

    /** What is seen of each such element, all of them at one moment: a page may be changing them. */
    @SuppressWarnings("unchecked")
    public List<String> texts(String css) {
        return (List<String>) driver.executeScript("""
                return [...document.querySelectorAll(arguments[0])].map((element) => element.checkVisibility()
                    ? element.innerText.replace(/[ \\t\\u00a0]+/g, ' ').trim() : '');
                """, css);
    }

    public void size(int width, int height) {
        driver.manage().window().setSize(new Dimension(width, height));
    }

    /** What is seen, as a PNG file to look at. */
    public void screenshot(Path file) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        Files.write(file, driver.getScreenshotAs(OutputType.BYTES));
    }

    /** Nothing is wider than the window. */
    public void assertNothingSticksOut() {
        long wider = (Long) driver.executeScript("return document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assertEquals(0, wider, "the page is wider than the window by so many pixels");
    }

    /** Errors of scripts, files that are missing, breaches of the content security policy. */
    public void assertNoErrors() {
        List<String> errors = driver.manage().logs().get(LogType.BROWSER).getAll().stream()
                .filter(entry -> entry.getLevel().intValue() >= Level.WARNING.intValue()).map(LogEntry::getMessage).toList();
        assertEquals(List.of(), errors);
    }

    @Override
    public void close() {
        driver.quit();
    }
}
