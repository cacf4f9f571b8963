package duet.cli.watch;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;

import duet.cli.web.WebException;
import duet.model.Safetensors;
import duet.net.Layer;
import duet.net.Network;
import duet.pictures.PictureOf;
import duet.pictures.Pictures;

/** Files of a run that a client may see: those of fixed names, and no links. */
final class RunPictures {
    private static final int MOST_BYTES = 32 << 20;

    private RunPictures() {}

    /** Whether the network begins with a convolution. */
    static boolean hasFilters(Facts facts) {
        return first(facts.model().network()) instanceof Layer.Convolution;
    }

    private static Layer first(Network network) {
        return network.layers().stream().filter(Layer.Weighted.class::isInstance).findFirst().orElseThrow();
    }

    /** The picture that the training has drawn, else one of its last checkpoint. */
    static byte[] filters(Run run) throws IOException {
        byte[] drawn = read(run.folder().resolve(Run.FILTERS));
        if (drawn != null) {
            return drawn;
        }
        Facts facts = run.facts();
        if (facts == null || !hasFilters(facts)) {
            throw new WebException(404, "this run has no filters to show");
        }
        try (Safetensors tensors = Safetensors.open(facts.file())) {
            float[] weight = tensors.floats(first(facts.model().network()).name() + ".weight");
            BufferedImage picture = PictureOf.filters(facts.model().network(), name -> weight);
            return Pictures.png(picture);
        } catch (NoSuchFileException e) {
            throw new WebException(404, "the checkpoint has just been replaced; ask again");
        }
    }

    /** null: there is no such file. */
    static byte[] read(Path file) throws IOException {
        if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
            return null;
        }
        try (SeekableByteChannel channel = Files.newByteChannel(file, Set.of(StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS))) {
            if (channel.size() > MOST_BYTES) {
                throw new WebException(404, "this file is larger than any that a training writes");
            }
            return Channels.newInputStream(channel).readAllBytes();
        } catch (NoSuchFileException e) {
            return null;
        }
    }
}
