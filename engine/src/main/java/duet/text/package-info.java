/** How numbers and tables look where people read them: the same in the engine's messages, its reports, and the command line. */
package duet.text;
