/* Every kernel: one translation unit makes one PTX module. */
#include "elementwise/elementwise.cu"
#include "elementwise/finite.cu"
#include "dropout/dropout.cu"
#include "sgd/sgd.cu"
#include "softmax/softmax.cu"
#include "input/prepare_input.cu"
#include "channels/copy_channels.cu"
