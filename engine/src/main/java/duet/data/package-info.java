/**
 * Images, labels and batches. {@link duet.data.BatchLoader} makes batches ahead on other threads, {@link duet.data.Augmentation} says what
 * is done to training images. Training and {@code duet.use} read images through this package.
 *
 * <p>Read {@link duet.data.Dataset} first, then {@link duet.data.BatchLoader}. Around it: {@code duet.data.source} opens data by name,
 * {@code duet.data.image} decodes image files, {@code duet.data.prepare} packs images, {@code duet.data.shard} is what it packs them into.
 * The names that {@code duet.data.source.Datasets} opens:
 *
 * <ul>
 * <li>{@code fashion-mnist}, {@code fashion-mnist:DIR}: IDX files, gzipped or not; without DIR from
 *     {@code /usr/share/datasets/fashion-mnist} or where {@code duet data fetch fashion-mnist} puts them.
 * <li>{@code mnist:DIR}: the same four files with the ten digits.
 * <li>{@code idx:DIR}, {@code idx:DIR/NAME}: images and labels of that family of any size and up to 256 classes (KMNIST, EMNIST, QMNIST).
 *     Classes are named by {@code classes.txt} or EMNIST's mapping beside the files, else by number; NAME chooses one of several data
 *     sets in a folder, such as {@code emnist-letters}.
 * <li>{@code cifar10:DIR}: CIFAR-10's binary or python version, as archive or unpacked.
 * <li>{@code cifar100:DIR}, {@code cifar100-coarse:DIR}: the same for CIFAR-100, with its hundred classes or its twenty superclasses.
 * <li>{@code ilsvrc:DIR}: ILSVRC-2012's three archives, not unpacked; labels in the order of the WNIDs.
 * <li>{@code shards:DIR}: what {@code duet.data.prepare.Preparation} has made of any of these: one size, checksums, mean image and
 *     principal colours. Nothing is decoded (or JPEG of the right size), files are mapped into memory, so that the system decides what
 *     stays there.
 * <li>{@code folder:DIR}: images of any size in a folder for each class, {@code DIR/cat/1.jpg}; or
 *     {@code DIR/train/cat/1.jpg} and {@code DIR/val/cat/2.jpg} ({@code validation}, {@code valid} and {@code test} will do). Without
 *     a validation part a tenth of each class is held out, drawn by the seed. An image is turned upright by its EXIF orientation,
 *     scaled until its shorter side is 256/227 of the network's input, and cut to the middle square. Transparent pixels show white,
 *     CMYK is converted without a profile, other profiles are ignored. A file that is damaged has label -1.
 * <li>{@code synthetic:CHANNELSxHEIGHTxWIDTH:CLASSES[:COUNT]}: made-up images whose classes can be learned, 10,000 (COUNT) to learn from
 *     and a tenth of it to validate with.
 * </ul>
 *
 * Everything drawn is a function of the seed, the epoch and the image: no thread and no order of calls changes it.
 */
package duet.data;
