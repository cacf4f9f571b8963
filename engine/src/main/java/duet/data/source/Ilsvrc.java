package duet.data.source;

import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Split;
import duet.data.image.DamagedImage;
import duet.data.image.ImageFile;
import duet.data.source.IlsvrcDevKit.Synset;
import duet.data.source.TarContents.Member;
import duet.files.Reasons;
import duet.net.Shape;

/**
 * ILSVRC-2012 from its own archives, which are not unpacked: images are read from where they lie in them. The training archive is a tar
 * of a tar for each class, {@code n01440764.tar}; the validation archive holds {@code ILSVRC2012_val_00000001.JPEG} and so on.
 */
final class Ilsvrc {
    static final String TRAINING = "ILSVRC2012_img_train.tar";
    static final String VALIDATION = "ILSVRC2012_img_val.tar";
    static final String DEVKIT = "ILSVRC2012_devkit_t12.tar.gz";
    private static final Pattern VALIDATION_IMAGE = Pattern.compile("(?:.*/)?ILSVRC2012_val_(\\d{8})\\.JPEG");

    private Ilsvrc() {}

    /** Image files in an archive. */
    private record Archived(Path archive, FileChannel channel, List<Member> members, int[] labels) implements EncodedImages {
        @Override
        public int size() {
            return labels.length;
        }

        @Override
        public int label(int index) {
            return labels[index];
        }

        @Override
        public String name(int index) {
            return archive + ": " + shortName(index);
        }

        @Override
        public String shortName(int index) {
            return members.get(index).name();
        }

        @Override
        public long bytes(int index) {
            return members.get(index).size();
        }

        @Override
        public byte[] read(int index) throws DamagedImage {
            Member member = members.get(index);
            ImageFile.checkSize(member.size());
            try {
                return TarContents.read(channel, member);
            } catch (ClosedChannelException e) { // by an interrupt of this thread or of another one
                throw new DataException("interrupted while " + archive + " was read", e);
            } catch (IOException e) {
                throw new DamagedImage("cannot be read: " + Reasons.of(e), e);
            }
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw new DataException(archive + " cannot be closed: " + Reasons.of(e), e);
            }
        }
    }

    static List<String> classNames(Path folder) {
        return IlsvrcDevKit.read(need(folder, DEVKIT)).classNames();
    }

    static Split open(Path folder, Shape stored, DamageReport damage) {
        Path training = need(folder, TRAINING);
        Path validation = need(folder, VALIDATION);
        IlsvrcDevKit kit = IlsvrcDevKit.read(need(folder, DEVKIT));
        Archived first = training(training, kit);
        try {
            Archived second = validation(validation, kit);
            return DecodedDataset.open(folder.toString(), stored, damage,
                    new DecodedDataset.Part(description("training", first, kit), kit.classNames(), first),
                    new DecodedDataset.Part(description("validation", second, kit), kit.classNames(), second));
        } catch (RuntimeException | Error e) {
            first.close();
            throw e;
        }
    }

    private static String description(String part, Archived images, IlsvrcDevKit kit) {
        return "ILSVRC-2012 %s set, %d images in %d classes".formatted(part, images.size(), kit.synsets().size());
    }

    private static Path need(Path folder, String name) {
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file)) {
            throw new DataException(
                    "%s lacks %s: it must hold %s, %s and %s as image-net.org gives them out (unpacked into a folder for each "
                            .formatted(folder, name, TRAINING, VALIDATION, DEVKIT) + "class, folder:DIR reads them)");
        }
        return file;
    }

    private interface Listing {
        Archived of(FileChannel channel) throws IOException;
    }

    private static Archived opened(Path archive, Listing listing) {
        try {
            FileChannel channel = FileChannel.open(archive);
            try {
                return listing.of(channel);
            } catch (IOException | RuntimeException | Error e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw new DataException(archive + " cannot be read: " + Reasons.of(e), e);
        }
    }

    private static Archived training(Path archive, IlsvrcDevKit kit) {
        return opened(archive, channel -> {
            Map<String, Member> classes = new HashMap<>();
            for (Member member : TarContents.list(archive.toString(), channel, TarContents.whole(archive, channel))) {
                classes.put(member.name().substring(member.name().lastIndexOf('/') + 1).replaceFirst("\\.tar$", ""), member);
            }
            List<Member> images = new ArrayList<>();
            List<Integer> labels = new ArrayList<>();
            for (int label = 0; label < kit.synsets().size(); label++) {
                Synset synset = kit.synsets().get(label);
                Member inner = classes.remove(synset.wnid());
                if (inner == null) {
                    throw new DataException("%s lacks %s.tar (%s): get it again".formatted(archive, synset.wnid(), synset.words()));
                }
                List<Member> members = new ArrayList<>(TarContents.list(archive + ": " + inner.name(), channel, inner));
                members.sort(Comparator.comparing(Member::name));
                images.addAll(members);
                labels.addAll(java.util.Collections.nCopies(members.size(), label));
            }
            if (!classes.isEmpty()) {
                throw new DataException(
                        "%s holds %s, which is no class of %s".formatted(archive, classes.values().iterator().next().name(), DEVKIT));
            }
            return new Archived(archive, channel, images, labels.stream().mapToInt(Integer::intValue).toArray());
        });
    }

    private static Archived validation(Path archive, IlsvrcDevKit kit) {
        return opened(archive, channel -> {
            Member[] images = new Member[kit.groundTruth().length];
            for (Member member : TarContents.list(archive.toString(), channel, TarContents.whole(archive, channel))) {
                Matcher name = VALIDATION_IMAGE.matcher(member.name());
                int number = name.matches() ? Integer.parseInt(name.group(1)) : 0;
                if (number < 1 || number > images.length) {
                    throw new DataException(
                            "%s holds %s, but the ground truth tells of ILSVRC2012_val_00000001.JPEG to number %d".formatted(
                                    archive, member.name(), images.length));
                }
                images[number - 1] = member;
            }
            for (int i = 0; i < images.length; i++) {
                if (images[i] == null) {
                    throw new DataException(
                            "%s lacks ILSVRC2012_val_%08d.JPEG, of which the ground truth tells: get it again".formatted(archive, i + 1));
                }
            }
            return new Archived(archive, channel, List.of(images), kit.groundTruth());
        });
    }
}
