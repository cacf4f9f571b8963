/* Fully connected layers: their filters are larger than all caches, and rows of their operands far apart. */
#pragma once
#include "convolution/geometry.h"
#include "runtime/team.h"

namespace duet {

/* Words of a chunk of a sum: with 64 columns 32 KiB. */
constexpr ptrdiff_t kChunkWords = 128;

/* What the functions compute is said in duet_cpu.h; *_workspace and *_prepared are in words of four bytes. */
int64_t fully_connected_forward_workspace(const duet_convolution &c);
void fully_connected_forward(duet_team *team, const duet_convolution &c, const float *input, const float *filter, const float *bias,
                             bool relu, float *output, Pair *workspace);

/* Only of pairs. */
int64_t fully_connected_prepared(const duet_convolution &c);
void fully_connected_prepare(duet_team *team, const duet_convolution &c, const float *filter, Pair *to);
void fully_connected_forward(duet_team *team, const duet_convolution &c, const float *input, const Pair *prepared, const float *bias,
                             bool relu, float *output, Pair *workspace);

int64_t fully_connected_backward_data_workspace(const duet_convolution &c, int threads);
void fully_connected_backward_data(duet_team *team, const duet_convolution &c, const float *output_gradient, const float *filter,
                                   float *input_gradient, float *workspace);

int64_t fully_connected_backward_weights_workspace(const duet_convolution &c, int threads);
/* Without the bias gradient. */
void fully_connected_backward_weights(duet_team *team, const duet_convolution &c, const float *input, const float *output_gradient,
                                      float *filter_gradient, float *workspace);

}  // namespace duet
