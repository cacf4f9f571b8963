/**
 * The service {@code duet serve}: what it answers, what a network saw in a picture, and the page for people (PAGE.md beside this).
 */
package duet.cli.serve;
