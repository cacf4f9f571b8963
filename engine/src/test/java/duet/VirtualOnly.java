package duet;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** A test of the CUDA backend that a real card cannot run; {@link VirtualGpuCondition} reports it as skipped there. */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
public @interface VirtualOnly {
    /** Why, such as {@code it counts driver calls}. */
    String value();
}
