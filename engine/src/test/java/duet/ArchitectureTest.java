package duet;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import java.lang.foreign.MemorySegment;
import java.util.List;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The house stays as it was drawn: who may use whom, and what users get to see. */
class ArchitectureTest {
    /** From the top down: each may use those after it. */
    private static final List<String> LAYERS = List.of("duet.train", "duet.data", "duet.model", "duet.plan", "duet.net", "duet.device");

    private static final JavaClasses ENGINE =
            new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("duet");

    @Test
    void packagesUseOnlyThoseBelowThem() {
        for (int lower = 1; lower < LAYERS.size(); lower++) {
            for (String upper : LAYERS.subList(0, lower)) {
                noClasses().that().resideInAPackage(LAYERS.get(lower) + "..").should().dependOnClassesThat().resideInAPackage(upper + "..")
                        .check(ENGINE);
            }
        }
    }

    @Test
    void onlyTheEntryPointOpensABackendByItsClass() {
        for (String backend : List.of("duet.device.cpu", "duet.device.cuda")) {
            noClasses().that().resideOutsideOfPackages(backend).and().doNotHaveFullyQualifiedName("duet.device.Backends")
                    .should().dependOnClassesThat().resideInAPackage(backend).check(ENGINE);
        }
    }

    @Test
    void publicTypesShowNoNativeMemory() {
        methods().that().arePublic().and().areDeclaredInClassesThat().arePublic().and().areDeclaredInClassesThat(
                resideInAPackage("duet..").and(com.tngtech.archunit.base.DescribedPredicate.not(resideInAPackage("duet.bindings.."))))
                .should().notHaveRawReturnType(MemorySegment.class).check(ENGINE);
    }

    @Test
    void nativeFunctionsAreCalledOnlyWhereTheyBelong() {
        classes().that().resideInAPackage("duet.bindings.cpu..").should().onlyBeAccessed()
                .byAnyPackage("duet.bindings..", "duet.device.cpu..").check(ENGINE);
        classes().that().resideInAPackage("duet.bindings.cuda..").should().onlyBeAccessed()
                .byAnyPackage("duet.bindings..", "duet.device.cuda..").check(ENGINE);
        noClasses().that().resideOutsideOfPackages("duet.bindings..").and().doNotHaveFullyQualifiedName("duet.device.VirtualGpu")
                .should().dependOnClassesThat().resideInAPackage("duet.bindings.vgpu..").check(ENGINE);
    }
}
