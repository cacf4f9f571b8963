/**
 * The page of {@code ./duet watch}: output folders of trainings, also while they grow. {@link duet.cli.watch.RunList} finds them,
 * {@link duet.cli.watch.Run} follows one, {@link duet.cli.watch.WatchPages} is what a browser may ask for. A client names runs and pictures
 * by names that it was given, never by paths, and is told no path.
 */
package duet.cli.watch;
