/* What faults.cpp knows, for faults_files.cpp. */
#pragma once
#include "faults.h"

namespace duet_faults {

/* Counts a call of a kind that is armed, and says whether it is to fail. */
bool strikes(int32_t kind, const char *name);
/* Whether the next one would, too. */
bool strikes_on();
int file_error();

}  // namespace duet_faults
