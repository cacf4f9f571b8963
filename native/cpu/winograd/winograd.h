/*
 * Convolutions by Winograd's form: for each point a matrix product of channels and filters over all tiles, with transforms around it. A
 * 3x3 kernel on 13x13 outputs takes 441 multiplications a channel and filter in place of 1521, a 5x5 kernel on 27x27 outputs 3025 in
 * place of 18225. A stride is taken out first (unstrided.h).
 */
#pragma once
#include "winograd/unstrided.h"

namespace duet {

/* Whether an operation is computed so: it can be, and was asked for or pays. Backward data of a convolution with a stride is not. */
bool is_winograd(const duet_convolution &c, int operation);

/*
 * Whether the products in the points are of bf16. Those of a 5x5 kernel stay in float: rounding errors come out multiplied by 19, and tiles
 * of two outputs, as accurate as those of a 3x3 kernel, would take more than twice the multiplications.
 */
inline bool winograd_in_pairs(const duet_convolution &c) { return without_stride(c).kernel_height == 3 && wants_pairs(c); }

/* What the functions compute is said in duet_cpu.h; *_workspace is in words, as large as floats. */
int64_t winograd_forward_workspace(const duet_convolution &c, int threads);
void winograd_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias, bool relu,
                      float *output, float *workspace);

/* With a filter that is in its points already. */
/* In words. */
int64_t winograd_prepared(const duet_convolution &c);
void winograd_prepare(duet_team *team, const duet_convolution &c, const float *filter, void *to);
void winograd_forward_prepared(duet_team *team, const duet_convolution &c, const float *input, const void *prepared, const float *bias, bool relu,
                               float *output, float *workspace);

/* Backward data as a forward convolution: of the output gradient with the turned filter. A padding below 0 is right here. */
duet_convolution swapped(const duet_convolution &c);

int64_t winograd_backward_weights_workspace(const duet_convolution &c, int threads);
/* Without the bias gradient. */
void winograd_backward_weights(duet_team *team, const duet_convolution &c, const float *input, const float *output_gradient,
                               float *filter_gradient, float *workspace);

}  // namespace duet
