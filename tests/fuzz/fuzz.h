// The entry point that every fuzz target defines. With -Dfuzz=true libFuzzer calls it; otherwise
// replay.c calls it with each file of the committed corpus.
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
