/**
 * Which device does what, when, and in which memory. A plan is data: a list of steps for each stream, and a place for each tensor. It is
 * made from a network, a placement and a batch size, and a {@link duet.device.Backend} turns it into a program. {@code SessionPlans} in
 * {@code duet.train} makes and checks plans; {@code duet plan} prints them.
 *
 * <p>Read {@link duet.plan.Planner} first, then {@code Forward} and {@code Backward}, which add the steps of each layer, and
 * {@link duet.plan.PlanChecker}, which proves of a finished plan that every read is ordered after its write and that no two live tensors
 * share memory.
 *
 * <p>A new placement is a constant in {@link duet.plan.Placement}, a case in {@code Division} (who does which part of a layer), what is
 * sent in {@code Value} and {@code PlanBuilder.exchange}, and where each parameter's parts lie in {@code ParameterTensors}. Begin with
 * {@code PlacementEquivalenceTest}: the new placement has to compute what one device computes. Memory planning, the checker and the
 * backends stay as they are; they see steps and tensors only. {@code engine/README.md} has all places.
 */
package duet.plan;
