package duet.cli.commands;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.Map;

import duet.cli.output.CommandFailure;
import duet.cli.output.Output;
import duet.data.source.FashionMnistFetch;
import duet.text.Text;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

@Command(
        name = "fetch",
        description = "Downloads data to where train finds them, and checks them. What is there already is not fetched again.",
        footerHeading = "%nExamples:%n",
        footer = {
                "  ./duet data fetch fashion-mnist",
                "  ./duet data fetch fashion-mnist --to here && ./duet train --data fashion-mnist:here"
        })
final class DataFetchCommand implements Runnable {
    @Parameters(index = "0", paramLabel = "NAME", description = "'fashion-mnist' (30 MB).")
    private String name;

    @Option(names = "--from", paramLabel = "URL", converter = Address.class,
            description = "Folder of a server that holds the .gz files (default: the authors').")
    private URI from;

    @Option(names = "--to", paramLabel = "DIR", description = "Folder to put them in (default: the data folder of this user).")
    private Path to;

    @Mixin
    private Output output;

    @Override
    public void run() {
        if (!name.equals("fashion-mnist")) {
            throw CommandFailure.usage("'" + name + "' cannot be fetched, only fashion-mnist can");
        }
        Path folder = to == null ? FashionMnistFetch.defaultFolder() : to;
        new FashionMnistFetch(from == null ? FashionMnistFetch.OFFICIAL : from).fetch(folder, this::downloaded);
        if (output.json()) {
            output.object(Map.of("folder", folder.toString()));
        } else {
            output.result("Fashion-MNIST is in " + folder);
        }
    }

    private String last = "";

    /** One line for each file. */
    private void downloaded(String file, long bytes, long total) {
        if (file.equals(last)) {
            return;
        }
        last = file;
        output.say(total == 0 ? file + " is there already" : "fetching " + file + (total > 0 ? ", " + Text.bytes(total) : ""));
    }

    /** An address. */
    static final class Address implements ITypeConverter<URI> {
        @Override
        public URI convert(String text) {
            try {
                return new URI(text);
            } catch (URISyntaxException e) {
                throw new TypeConversionException("'" + text + "' is not an address such as http://server/folder/");
            }
        }
    }
}
