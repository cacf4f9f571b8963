package duet.cli.options;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Under which heading the help of a long command shows an option, or all options of a class; the option's own counts. */
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.TYPE, ElementType.FIELD})
public @interface Heading {
    String OUTPUT = "Output and help";
    String RUN = "What goes in and what comes out";
    String DEVICES = "Devices and arithmetic";
    String NETWORK = "Changes to the network, whose effects the paper measured";
    String IMAGES = "What is done to the images";
    String RATE = "Learning rate";
    String TRAINING = "Training";

    /** In the words of the help. */
    String value();
}
