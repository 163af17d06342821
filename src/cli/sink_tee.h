// Two sinks as one.
#ifndef CLI_SINK_TEE_H
#define CLI_SINK_TEE_H

#include "run/events.h"

// Tells first, then second, everything; closing it closes both.
struct run_sink sink_tee(struct run_sink first, struct run_sink second);

#endif
