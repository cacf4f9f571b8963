package duet.cli.options;

import java.util.Locale;

import duet.device.ConvolutionChoice;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** {@code fastest}, {@code direct} or {@code winograd}. */
final class ConvolutionsConverter implements ITypeConverter<ConvolutionChoice> {
    @Override
    public ConvolutionChoice convert(String text) {
        for (ConvolutionChoice choice : ConvolutionChoice.values()) {
            if (choice.name().toLowerCase(Locale.ROOT).equals(text)) {
                return choice;
            }
        }
        throw new TypeConversionException("'" + text + "' is neither 'fastest' nor 'direct' nor 'winograd'");
    }
}
