/**
 * What {@code --data} can name, a class for each kind: the MNIST family, CIFAR, ILSVRC-2012, folders of image files, prepared images,
 * made-up ones. The command line and {@code duet.use} open data here; what they get is a {@link duet.data.Split}.
 *
 * <p>Read {@link duet.data.source.Datasets} first, then {@link duet.data.source.DataSource}: it lists the kinds and understands their
 * names. A new kind is a record there with its word in {@code parse} and {@code FORMS}, and a class that reads its files into a
 * {@link duet.data.Dataset}; {@code README.md} of {@code duet.data} has the table of them.
 */
package duet.data.source;
