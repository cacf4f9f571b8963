#include "check.h"
void test_others(const Library &, Teams &, Random &, Checker &) {}
