/**
 * Which device does what, when, and in which memory; and the proof that it is sound.
 *
 * <p>Read {@link duet.plan.Planner} first. A {@link duet.plan.Placement} decides for each layer how it is shared out
 * ({@link duet.plan.Distribution}); {@code Forward} and {@code Backward} launch its operations on each lane; {@code Moves} and
 * {@code Returns} emit the slices, copies, joins and sums between them. {@code MemoryPlanner} finds a place for every tensor, and
 * {@link duet.plan.PlanChecker} proves the finished {@link duet.plan.Plan}, whoever made it.
 *
 * <p>Layers may be computed in rounds, each of a part of the batch, forward and at once backward
 * ({@link duet.plan.Placement.Cut#inRounds}): {@code Rounds} is the border between them and the others, and the rest of the planner sees a
 * round as a smaller batch, by the images of its {@code Value}s.
 *
 * <p>A new placement, in this order: add it to {@code Placements.all} of the tests, which then say what is wrong; write a record that
 * implements {@link duet.plan.Placement}, whose {@code cut} answers for each layer how it sees its inputs, what each lane does and how
 * the output lies, mostly by a method of {@code Cuts}; permit it in the interface. A new kind of work concerns {@code ParameterTensors},
 * {@code ForwardLayers} and {@code Backward}; a new axis {@link duet.device.Axis} and {@code DeviceGeometry}. Then words for people:
 * {@link duet.plan.Sharing}, the command line's {@code --placement}. Sums over lanes have one order ({@code Sums}), so that the number
 * of devices changes no bit; updates of what several devices have are in shares ({@code Shares}).
 */
package duet.plan;
