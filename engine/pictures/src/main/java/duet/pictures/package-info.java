/**
 * Curves, filters and sheets of images as PNG files, in an artifact of its own, {@code duet-pictures}: the engine itself needs no plotting
 * library. Called by the command line ({@code duet picture}, {@code duet plot}, {@code duet evaluate --pictures}, and during training) and
 * by programs that want pictures.
 *
 * <p>Read {@link duet.pictures.PictureOf} first, which draws one picture of a trained network, then
 * {@link duet.pictures.TrainingPictures}, which keeps pictures up to date while a network is trained.
 */
package duet.pictures;
