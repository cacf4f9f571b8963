package duet.cli.options;

import duet.plan.Mode;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code train} or {@code forward}. */
public final class ModeConverter implements ITypeConverter<Mode> {
    @Override
    public Mode convert(String text) {
        for (Mode mode : Mode.values()) {
            if (mode.toString().equals(text)) {
                return mode;
            }
        }
        throw new TypeConversionException("'" + text + "' is neither 'train' nor 'forward'");
    }
}
