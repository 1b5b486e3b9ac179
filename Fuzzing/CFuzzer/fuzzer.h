#pragma once
#include <stddef.h>
#include <stdint.h>

/// Runs libFuzzer (from compiler-rt, without its own `main`) on `target` until it finds something or a limit is reached.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*target)(const uint8_t *data, size_t size));
