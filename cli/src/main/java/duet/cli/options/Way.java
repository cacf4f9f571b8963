package duet.cli.options;

import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** How the work can be cut, by the names that the command line has for it. */
enum Way {
    ONE, TOWERS, HALVES, DATA, HYBRID, DATA_TOWERS, DATA_HALVES, DATA_HYBRID;

    /** null if there is none of this name. */
    static Way named(String text) {
        for (Way way : values()) {
            if (way.toString().equals(text)) {
                return way;
            }
        }
        return null;
    }

    /** As the user writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', ',');
    }

    /** The names. */
    static final class Converter implements ITypeConverter<Way> {
        @Override
        public Way convert(String text) {
            Way way = named(text);
            if (way == null) {
                throw new TypeConversionException("'" + text + "' is none of "
                        + Stream.of(values()).map(each -> "'" + each + "'").collect(Collectors.joining(", ")));
            }
            return way;
        }
    }

    /** Whether the parts of a batch can be more than there are devices. */
    boolean parts() {
        return this == DATA || this == HYBRID || inGroups();
    }

    /** Whether fully connected layers can be computed in rounds. */
    boolean rounds() {
        return this == HYBRID || this == DATA_HYBRID;
    }

    /** Whether each of several groups of devices computes some of the images. */
    boolean inGroups() {
        return this == DATA_TOWERS || this == DATA_HALVES || this == DATA_HYBRID;
    }

    /** The same in groups; null where there are none. */
    Way grouped() {
        return switch (this) {
            case TOWERS -> DATA_TOWERS;
            case HALVES -> DATA_HALVES;
            case ONE, DATA, HYBRID, DATA_TOWERS, DATA_HALVES, DATA_HYBRID -> null;
        };
    }
}
