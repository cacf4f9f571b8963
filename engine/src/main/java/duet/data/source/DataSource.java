package duet.data.source;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

import duet.data.DamageReport;
import duet.data.DataException;
import duet.data.Dataset;
import duet.data.Split;
import duet.data.shard.ShardDataset;
import duet.data.shard.ShardFolder;
import duet.data.source.Datasets.Description;
import duet.files.Reasons;
import duet.net.Shape;
import duet.text.Suggestion;

/** What the option {@code --data} names, understood but not opened. */
public sealed interface DataSource {
    /** Every form of a source's name, for messages. */
    String FORMS = "fashion-mnist, fashion-mnist:DIR, mnist:DIR, idx:DIR, cifar10:DIR, cifar100:DIR, cifar100-coarse:DIR, ilsvrc:DIR, "
            + "folder:DIR, shards:DIR, synthetic:CHANNELSxHEIGHTxWIDTH:CLASSES[:COUNT]";

    /** What a source's name begins with. */
    List<String> KINDS = Stream.of(FORMS.split(", ")).map(form -> form.replaceFirst(":.*", "")).distinct().toList();

    /** {@return size and number of classes} Height and width are 0 where the files have sizes of their own. */
    Description describe();

    /** {@return size and number of classes of what {@link #look} opens} */
    default Description describeLook() {
        return describe();
    }

    /**
     * Opens the data.
     *
     * @param stored size to store images in, for sources whose files have sizes of their own; others have it as it is
     * @param seed   of the held-out share where there is no validation part, and of synthetic images
     * @param damage told of each file that cannot be read
     * @return images to learn from and to validate with
     * @throws DataException naming what is missing or damaged
     */
    Split open(Shape stored, long seed, DamageReport damage);

    /**
     * Opens the data to look at them with a trained network.
     *
     * @param part   which of them; null for those to validate with, or all where there is no such part
     * @param stored as for {@link #open}
     * @param seed   of the held-out share, and of synthetic images
     * @param damage told of each file that cannot be read
     * @return the images; close them
     * @throws DataException naming what is missing or damaged
     */
    default Dataset look(Part part, Shape stored, long seed, DamageReport damage) {
        return new PartOfSplit(open(stored, seed, damage), part == null ? Part.VALIDATION : part);
    }

    /**
     * Understands the name of a source without looking for its files.
     *
     * @param source in one of the {@link #FORMS}
     * @return the source
     * @throws DataException if it is none of them
     */
    static DataSource parse(String source) {
        int colon = source.indexOf(':');
        String kind = colon < 0 ? source : source.substring(0, colon);
        String rest = colon < 0 ? "" : source.substring(colon + 1);
        return switch (kind) {
            case "fashion-mnist" -> new Fashion(
                    colon < 0 ? FashionMnist.usualFolders() : List.of(path(source, rest, "fashion-mnist:DIR")));
            case "mnist", "idx" -> new Idx(path(source, rest, kind + ":DIR"), kind);
            case "cifar10" -> new CifarSource(CifarSet.CIFAR_10, path(source, rest, "cifar10:DIR"));
            case "cifar100" -> new CifarSource(CifarSet.CIFAR_100, path(source, rest, "cifar100:DIR"));
            case "cifar100-coarse" -> new CifarSource(CifarSet.CIFAR_100_COARSE, path(source, rest, "cifar100-coarse:DIR"));
            case "ilsvrc" -> new Imagenet(path(source, rest, "ilsvrc:DIR"));
            case "folder" -> new Folder(path(source, rest, "folder:DIR"));
            case "shards" -> new Shards(path(source, rest, "shards:DIR"));
            case "synthetic" -> new Synthetic(SyntheticImages.Specification.parse(source));
            default -> {
                String nearest = Suggestion.nearest(kind, KINDS);
                throw new DataException("\"" + source + "\" is no data source" + (nearest == null ? "" : " (did you mean " + nearest + "?)")
                        + ": use one of " + FORMS);
            }
        };
    }

    /**
     * {@return this source with an absolute path, so that the current folder does not matter}
     *
     * @param source in one of the {@link #FORMS}
     */
    static String absolute(String source) {
        int colon = source.indexOf(':');
        return colon < 0 || source.startsWith("synthetic:") ? source
                : source.substring(0, colon + 1) + Path.of(source.substring(colon + 1)).toAbsolutePath().normalize();
    }

    private static Path path(String source, String name, String form) {
        if (name.isEmpty()) {
            throw new DataException("\"" + source + "\" names no folder: write " + form);
        }
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new DataException(Reasons.of(e), e);
        }
    }

    private static Description description(Shape shape, int classes) {
        return new Description(shape.channels(), shape.height(), shape.width(), classes);
    }

    /**
     * Fashion-MNIST.
     *
     * @param folders where the files may be, in order
     */
    record Fashion(List<Path> folders) implements DataSource {
        @Override
        public Description describe() {
            return FashionMnist.images(FashionMnist.locate(folders)).describe();
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return FashionMnist.images(FashionMnist.locate(folders)).open();
        }
    }

    /**
     * A data set of the MNIST family.
     *
     * @param where the folder, or the folder and the beginning of the files' names
     * @param kind  {@code mnist} for digits, {@code idx} for any number of classes
     */
    record Idx(Path where, String kind) implements DataSource {
        private IdxImages images() {
            IdxFolder folder = IdxFolder.find(where, kind);
            return kind.equals("mnist") ? new IdxImages(folder, "MNIST", IdxImages.DIGITS)
                    : new IdxImages(folder, folder.prefix().isEmpty() ? "IDX" : folder.prefix(), null);
        }

        @Override
        public Description describe() {
            return images().describe();
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return images().open();
        }
    }

    /**
     * CIFAR-10 or CIFAR-100.
     *
     * @param set    which of them
     * @param folder with the archive or its files
     */
    record CifarSource(CifarSet set, Path folder) implements DataSource {
        @Override
        public Description describe() {
            Cifar.locate(set, folder);
            return description(Cifar.SHAPE, set.classes);
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return Cifar.open(Cifar.locate(set, folder));
        }
    }

    /**
     * ILSVRC-2012.
     *
     * @param folder with the three archives
     */
    record Imagenet(Path folder) implements DataSource {
        @Override
        public Description describe() {
            return description(new Shape(3, 0, 0), Ilsvrc.classNames(folder).size());
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return Ilsvrc.open(folder, stored, damage);
        }
    }

    /**
     * Image files in a folder for each class.
     *
     * @param folder with the classes, or with a folder for each part
     */
    record Folder(Path folder) implements DataSource {
        @Override
        public Description describe() {
            return description(new Shape(3, 0, 0), ImageFolder.classNames(folder).size());
        }

        @Override
        public Description describeLook() {
            return description(new Shape(3, 0, 0), ImageFolder.lookedAtClassNames(folder).size());
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return ImageFolder.scan(folder, seed).open(stored, damage);
        }

        /** A folder without a part to validate with is looked at as it is; where that part is all there is, nothing more is needed. */
        @Override
        public Dataset look(Part part, Shape stored, long seed, DamageReport damage) {
            boolean validation = ImageFolder.hasValidation(folder);
            if (part == Part.TRAINING || part == Part.VALIDATION && !validation) {
                return DataSource.super.look(part, stored, seed, damage);
            }
            boolean all = part == Part.ALL || !validation;
            return new PartOfSplit(ImageFolder.look(folder, all).openAll(stored, damage), all ? Part.ALL : Part.VALIDATION);
        }
    }

    /**
     * Prepared images.
     *
     * @param folder with the shards
     */
    record Shards(Path folder) implements DataSource {
        @Override
        public Description describe() {
            ShardFolder.Order order = new ShardFolder(folder).readManifest().preparation();
            return description(order.stored(), order.classes().size());
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return ShardDataset.open(new ShardFolder(folder));
        }
    }

    /**
     * Made-up images.
     *
     * @param specification size, classes and number of images
     */
    record Synthetic(SyntheticImages.Specification specification) implements DataSource {
        @Override
        public Description describe() {
            return description(specification.shape(), specification.classes());
        }

        @Override
        public Split open(Shape stored, long seed, DamageReport damage) {
            return specification.open(seed);
        }
    }
}
