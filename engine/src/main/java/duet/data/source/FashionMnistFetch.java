package duet.data.source;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardCopyOption.REPLACE_EXISTING;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.GZIPInputStream;

import duet.data.DataException;
import duet.files.Reasons;

/**
 * Downloads Fashion-MNIST's four files. A file that is there and right is left alone; each new one is written to a temporary file,
 * checked, and renamed. What is checked is the SHA-256 of the unpacked content, so that any mirror's compression will do.
 */
public final class FashionMnistFetch {
    /** The authors' server. */
    public static final URI OFFICIAL = URI.create("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/");
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** @param bytes length of the unpacked content */
    record Item(String name, long bytes, String sha256) {}

    static final List<Item> ITEMS = List.of(
            new Item(FashionMnist.TRAINING_IMAGES, 47_040_016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"),
            new Item(FashionMnist.TRAINING_LABELS, 60_008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"),
            new Item(FashionMnist.TEST_IMAGES, 7_840_016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"),
            new Item(FashionMnist.TEST_LABELS, 10_008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"));

    /** Told how far it is. */
    @FunctionalInterface
    public interface Progress {
        /**
         * Told while a file is downloaded, and once for a file that was there already.
         *
         * @param file  name of the file
         * @param bytes downloaded so far
         * @param total of the file, or -1 if the server does not say; bytes = total = 0 for a file that was there already
         */
        void downloaded(String file, long bytes, long total);
    }

    private final URI base;
    private final List<Item> items;
    private final Duration patience;

    /**
     * Downloads from a server that has the four files.
     *
     * @param base folder that holds the four {@code .gz} files, such as {@link #OFFICIAL}
     */
    public FashionMnistFetch(URI base) {
        this(base, ITEMS, PATIENCE);
    }

    FashionMnistFetch(URI base, List<Item> items, Duration patience) {
        if (!"http".equals(base.getScheme()) && !"https".equals(base.getScheme()) || base.getHost() == null) {
            throw new DataException(base + " is not an address to fetch from: give one such as " + OFFICIAL);
        }
        this.base = base.toString().endsWith("/") ? base : URI.create(base + "/");
        this.items = items;
        this.patience = patience;
    }

    /** {@return {@code $XDG_DATA_HOME/duet/fashion-mnist}, by default {@code ~/.local/share/duet/fashion-mnist}} */
    public static Path defaultFolder() {
        String home = System.getenv("XDG_DATA_HOME");
        Path data = home != null && Path.of(home).isAbsolute()
                ? Path.of(home) : Path.of(System.getProperty("user.home"), ".local", "share");
        return data.resolve("duet").resolve("fashion-mnist");
    }

    /**
     * Downloads what is missing or wrong in a folder.
     *
     * @param folder   made if it is not there
     * @param progress told how far each file is
     * @throws DataException naming the file or address and what is wrong with it
     */
    public void fetch(Path folder, Progress progress) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new DataException("the folder " + folder + " cannot be made: " + Reasons.of(e), e);
        }
        try (HttpClient client = HttpClient.newBuilder()
                .connectTimeout(patience).followRedirects(HttpClient.Redirect.NORMAL).build()) {
            for (Item item : items) {
                Path file = folder.resolve(item.name() + ".gz");
                if (Files.isRegularFile(file) && fault(file, item) == null) {
                    progress.downloaded(item.name() + ".gz", 0, 0);
                } else {
                    fetch(client, item, file, progress);
                }
            }
            client.shutdownNow();
        }
    }

    private void fetch(HttpClient client, Item item, Path file, Progress progress) {
        URI address = base.resolve(item.name() + ".gz");
        Path temporary = null;
        try {
            temporary = Files.createTempFile(file.getParent(), item.name(), ".part");
            download(client, address, temporary, item, progress);
            String fault = fault(temporary, item);
            if (fault != null) {
                throw new DataException("%s is not the file of Fashion-MNIST: %s; nothing was kept, try again or another --from"
                        .formatted(address, fault));
            }
            Files.move(temporary, file, ATOMIC_MOVE, REPLACE_EXISTING);
        } catch (HttpTimeoutException e) {
            throw new DataException("%s did not answer within %d s: check the network, or give another --from"
                    .formatted(address, patience.toSeconds()), e);
        } catch (ConnectException | UnresolvedAddressException e) {
            throw new DataException("%s cannot be reached: check the network, or give another --from".formatted(address), e);
        } catch (IOException e) {
            throw new DataException("%s could not be downloaded to %s: %s; try again".formatted(
                    address, file, Reasons.of(e)), e);
        } finally {
            deleteIfThere(temporary);
        }
    }

    private void download(HttpClient client, URI address, Path target, Item item, Progress progress) throws IOException {
        HttpResponse<InputStream> response;
        try {
            response = client.send(HttpRequest.newBuilder(address).timeout(patience).build(),
                    HttpResponse.BodyHandlers.ofInputStream());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DataException("the download of " + address + " was interrupted", e);
        }
        try (InputStream in = new StallGuard(response.body(), patience)) {
            if (response.statusCode() != 200) {
                throw new DataException("%s answered with status %d instead of the file: check the address or give another --from"
                        .formatted(address, response.statusCode()));
            }
            long total = response.headers().firstValueAsLong("content-length").orElse(-1);
            copy(in, target, item, total, address, progress);
        }
    }

    private static void copy(InputStream in, Path target, Item item, long total, URI address, Progress progress) throws IOException {
        byte[] buffer = new byte[1 << 16];
        long bytes = 0;
        try (OutputStream out = Files.newOutputStream(target)) {
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                out.write(buffer, 0, count);
                bytes += count;
                if (bytes > 2 * item.bytes() + buffer.length) {
                    throw new DataException("%s is larger than the file of Fashion-MNIST can be: give another --from".formatted(address));
                }
                progress.downloaded(item.name() + ".gz", bytes, total);
            }
        }
    }

    /** What is wrong with a file, or null. */
    private static String fault(Path file, Item item) {
        try (InputStream in = new GZIPInputStream(Files.newInputStream(file), 1 << 16)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[1 << 16];
            long bytes = 0;
            for (int count = in.read(buffer); count >= 0 && bytes <= item.bytes(); count = in.read(buffer)) {
                digest.update(buffer, 0, count);
                bytes += count;
            }
            if (bytes != item.bytes()) {
                return "it unpacks to %s bytes instead of %d".formatted(bytes > item.bytes() ? "more" : bytes, item.bytes());
            }
            String sha256 = HexFormat.of().formatHex(digest.digest());
            return sha256.equals(item.sha256()) ? null : "the SHA-256 of its content is %s instead of %s".formatted(sha256, item.sha256());
        } catch (IOException e) {
            return "it is no whole gzip file (" + Reasons.of(e) + ")";
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    private static void deleteIfThere(Path temporary) {
        try {
            if (temporary != null) {
                Files.deleteIfExists(temporary);
            }
        } catch (IOException e) {
            // A leftover .part file disturbs nobody: it is never read.
        }
    }
}
