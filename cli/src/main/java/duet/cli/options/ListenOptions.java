package duet.cli.options;

import duet.cli.web.Access;
import picocli.CommandLine.Option;

/** Where a page or a service listens, and who may ask. The port is each command's own. */
public final class ListenOptions {
    @Option(names = "--host", paramLabel = "ADDRESS", defaultValue = "127.0.0.1",
            description = "Address to listen on (default: ${DEFAULT-VALUE}, for this machine alone). On others, such as 0.0.0.0, a token "
                    + "is asked for.")
    private String host;

    @Option(names = "--token", paramLabel = "TEXT",
            description = "What whoever asks must know (default: none on a loopback address, else a random one, which is printed).")
    private String token;

    public Access access() {
        return Access.of(host, token);
    }
}
