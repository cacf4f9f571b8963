/**
 * Files that are written whole or not at all, and why a file could not be read or written, in words. Everything that writes uses
 * {@link duet.files.WholeFile}.
 */
package duet.files;
